/** `limier feed`: a scenario's events on the scenario's own clock, and what the module did as lines of JSON. */
import { inflateSync } from "node:zlib";
import { fromHex } from "../bytes/mod.ts";
import { FakeClock, readTimedEvent, type TimedEvent } from "../clock/mod.ts";
import { isSecretName, REDACTED, Section } from "../config/mod.ts";
import { FlowScenario, readFlowScenarioConfig } from "../flow/mod.ts";
import type { Point } from "../metric/mod.ts";
import { LagScenario, readLagConfig } from "../lag/mod.ts";
import { type Output, startOutput } from "../output/mod.ts";
import {
  AggregationCore,
  checkObject,
  coreConfig,
  decodeSpan,
  errorObject,
  eventObject,
  invalidMetrics,
  isWireError,
  jsonLine,
  type JsonObject,
  type JsonValue,
  newStats,
  type Published,
  READ_AHEAD,
} from "../statsd/mod.ts";
import { TcpinfoScenario } from "../tcpinfo/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";

/** The protocols that can be fed. */
export const FEED_PROTOCOLS = ["dogstatsd", "ssf", "tcpinfo", "lag", "netflow", "sflow"] as const;
export type FeedProtocol = (typeof FEED_PROTOCOLS)[number];

/** What plays the lines of a scenario, one by one. */
interface Scenario extends Partial<AsyncDisposable> {
  play(line: string, record: number): Played | Promise<Played>;
}

/** What a line brought about. */
interface Played {
  readonly objects: readonly Readonly<JsonObject>[];
  readonly isLast: boolean;
}

/**
 * Plays a scenario: events as lines of JSON, in the order of their `at`.
 *
 * @param config the configuration as the YAML yields it; its listeners are not opened
 * @throws {ConfigError} when the configuration can't be used
 */
export async function* feedScenario(
  protocol: FeedProtocol,
  config: object,
  lines: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<string> {
  const scenario = newScenario(protocol, Section.of(config, { file: "config", collect: true }));
  try {
    let record = 0;
    for await (const line of lines) {
      record++;
      if (line.trim() === "") continue;
      const { objects, isLast } = await scenario.play(line, record);
      for (const object of objects) yield jsonLine(object);
      if (isLast) return;
    }
  } finally {
    await scenario[Symbol.asyncDispose]?.();
  }
}

function newScenario(protocol: FeedProtocol, root: Section): Scenario {
  switch (protocol) {
    case "lag":
      return new LagScenario(collected(root, () => readLagConfig(root.section("lag"))));
    case "netflow":
    case "sflow":
      return new FlowScenario(protocol, collected(root, () => readFlowScenarioConfig(root.section("flow"))));
    case "tcpinfo":
      return new TcpinfoScenario(readAgentConfig(root, { asProgram: false }).tcpinfo);
    case "dogstatsd":
    case "ssf":
      return new Stage(protocol, readAgentConfig(root, { asProgram: false }));
  }
}

/** What `read` reads of a section. @throws {ConfigError} with all that is wrong with it */
function collected<Config>(root: Section, read: () => Config): Config {
  const config = root.gather(read);
  root.throwCollected();
  if (config === undefined) throw new TypeError("unreachable: collected");
  return config;
}

/** A module on a clock of its own, with outputs whose requests are recorded. */
class Stage implements Scenario {
  readonly #protocol: FeedProtocol;
  readonly #clock = new FakeClock();
  readonly #core: AggregationCore;
  readonly #outputs: Output[];
  #done: JsonObject[] = [];
  #at = 0;

  constructor(protocol: FeedProtocol, config: AgentConfig) {
    this.#protocol = protocol;
    const shown = config.outputs.filter(({ kind }) => kind !== "stdout");
    this.#outputs = shown.map((output) =>
      startOutput({ ...output, spool: false }, {
        clock: this.#clock,
        reporter: recordingReporter(),
        fetch: (url, init) => this.#record(output.name, String(url), init),
      })
    );
    const { statsd } = config;
    const hostname = statsd.hostname ?? Deno.hostname();
    this.#core = new AggregationCore({ ...coreConfig(statsd, hostname, shown), forwardForm: "json" }, {
      budget: new Int32Array(1),
      stats: newStats(),
      forward: async (body) => {
        const headers = { "content-type": "application/json", "content-encoding": "deflate" };
        await this.#record("forward", new URL("/import", "http://forward").href, { method: "POST", headers, body });
        return "delivered";
      },
      post: async (output, batch) => void await this.#outputs[output]!.offer(batch),
      pause: () => Promise.resolve(),
      monotonic: () => this.#clock.monotonic(),
      random: () => 0.5, // a scenario gives the same each time it is played
      onRefused: ({ reason, message, packetType }) =>
        this.#add(errorObject({ reason, message }, { packet_type: packetType })),
      onPublished: (published) => this.#add(publishedObject(published)),
    });
  }

  async play(line: string, record: number): Promise<Played> {
    const event = readTimedEvent(line);
    if (typeof event === "string") {
      return { objects: [{ kind: "error", code: "scenario", message: event, record }], isLast: false };
    }
    this.#at = event.at;
    const waitMs = event.at * 1000 - this.#clock.now();
    if (waitMs > 0) await this.#clock.advance(waitMs);
    this.#core.heart.setTime(this.#clock.now(), this.#clock.monotonic());
    const fault = await this.#act(event);
    if (fault !== undefined) this.#add(errorObject({ reason: "scenario", message: fault }, { record }));
    const objects = this.#done;
    this.#done = [];
    return { objects, isLast: event["do"] === "stop" };
  }

  /** @returns what is wrong with the event */
  async #act(event: TimedEvent): Promise<string | undefined> {
    if (event.do === "flush" || event.do === "stop") {
      await this.#core.flush([], Math.floor(event.at));
      return undefined;
    }
    if (event.do !== undefined) return `Cannot do ${JSON.stringify(event.do)}: write "flush" or "stop"`;
    if (event.import !== undefined) {
      const text = typeof event.import === "string" ? event.import : JSON.stringify(event.import);
      const refused = this.#core.import(new TextEncoder().encode(text), "");
      if (refused !== undefined) this.#add(errorObject({ reason: refused.cause, message: refused.message }));
      return undefined;
    }
    const bytes = typeof event.text === "string"
      ? new TextEncoder().encode(event.text)
      : typeof event.hex === "string"
      ? fromHex(event.hex)
      : undefined;
    if (bytes === null) return "Cannot read the event: its hex is not hex";
    if (bytes === undefined) return 'Cannot read the event: it needs "text", "hex", "import" or "do"';
    if (this.#protocol === "ssf") this.#ingestSpan(bytes);
    else {
      const room = new Uint8Array(bytes.length + 1 + READ_AHEAD);
      room.set(bytes);
      this.#core.heart.ingestDatagram(room, 0, bytes.length);
    }
    return undefined;
  }

  #ingestSpan(bytes: Uint8Array): void {
    const decoded = decodeSpan(bytes);
    if (isWireError(decoded)) {
      this.#add(errorObject(decoded));
      return;
    }
    for (const error of invalidMetrics(decoded)) this.#add(errorObject(error));
    this.#core.spans.ingest(decoded, "packet");
  }

  async #record(output: string, url: string, init: RequestInit): Promise<Response> {
    const { pathname, searchParams } = new URL(url);
    for (const name of searchParams.keys()) if (isSecretName(name)) searchParams.set(name, REDACTED);
    const query = searchParams.size === 0 ? "" : `?${searchParams}`;
    const headers = new Headers(init.headers);
    const raw = new Uint8Array(await new Response(init.body ?? null).arrayBuffer());
    const body = headers.get("content-encoding") === "deflate" ? new Uint8Array(inflateSync(raw)) : raw;
    this.#add({
      kind: "request",
      output,
      method: init.method ?? "GET",
      path: pathname + query,
      headers: Object.fromEntries([...headers].filter(([name]) => !isSecretName(name))),
      body: parsed(body),
    });
    return new Response("{}", { status: 202 });
  }

  #add(object: JsonObject): void {
    this.#done.push({ at: this.#at, ...object });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#outputs.map((output) => output[Symbol.asyncDispose]()));
  }
}

/** V8 tells a reviver the text of each number; TypeScript's library does not know it yet. */
const { parse } = JSON as unknown as {
  parse(text: string, revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
};

/** A body as JSON where it is JSON, integers exact, else as text. */
function parsed(body: Uint8Array): JsonValue {
  const text = new TextDecoder().decode(body);
  try {
    return parse(
      text,
      (_key, value, { source = "" }) =>
        typeof value === "number" && !Number.isSafeInteger(value) && /^-?[0-9]+$/.test(source) ? BigInt(source) : value,
    ) as JsonValue;
  } catch {
    return text; // not every destination speaks JSON
  }
}

function publishedObject(published: Published): JsonObject {
  switch (published.kind) {
    case "point":
      return pointObject(published.point);
    case "event":
      return { ...eventObject({ ...published.event, timestampSent: true }) };
    case "check":
      return { ...checkObject({ ...published.check, timestampSent: true }) };
  }
}

/** A point as it is printed. */
function pointObject(point: Point): JsonObject {
  return {
    kind: "point",
    name: point.name,
    type: point.type,
    value: point.value,
    timestamp: point.timestamp,
    tags: point.tags,
    ...(point.host === undefined ? {} : { host: point.host }),
    ...(point.device === undefined ? {} : { device: point.device }),
    ...(point.interval === undefined ? {} : { interval: point.interval }),
  };
}
