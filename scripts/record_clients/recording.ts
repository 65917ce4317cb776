import { type ClientName, CLIENTS } from "./install.ts";
import type { Call } from "./play.ts";
import type { RecordedTransport } from "./recorder.ts";

/** What a client is told, and what has to come out of it. */
export interface ClientRecording {
  /** The fixture's file name, without its ends. */
  readonly name: string;
  readonly why: string;
  readonly client: ClientName;
  readonly transport: RecordedTransport;
  /** The client's own options. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly calls: readonly Call[];
  /** What `decode` prints, in the order sent. */
  readonly decoded: readonly object[];
  /** What one interval of ten seconds publishes. */
  readonly flushed: readonly object[];
}

/** When the recorded interval begins and ends, Unix seconds. */
const RECEIVED_S = 1_700_000_001, FLUSH_S = 1_700_000_010;

/** A metric as `decode` prints it; `more` overrides. */
export function metric(name: string, type: string, values: readonly (number | string)[], more: object = {}): object {
  return { kind: "metric", name, type, values, rate: 1, tags: [], scope: "mixed", ...more };
}

/** A counter as it is published; `total` is the interval's. */
export function rate(name: string, total: number, tags: readonly string[] = []): object {
  return { ...point(name, "rate", total / 10, tags), interval: 10 };
}

/** A gauge as it is published; a number, or a matcher for one. */
export function gauge(name: string, value: number | object, tags: readonly string[] = []): object {
  return point(name, "gauge", value, tags);
}

function point(name: string, type: string, value: number | object, tags: readonly string[]): object {
  return { at: FLUSH_S, kind: "point", name, type, value, timestamp: FLUSH_S, tags, host: "web1" };
}

/** An event or a check as it is published: as decoded, with the receive time and the agent's host where it has none. */
export function published(decoded: object): object {
  return { at: FLUSH_S, timestamp: RECEIVED_S, host: "web1", ...decoded };
}

/** The aggregates of a histogram or timer that are published unless told otherwise. */
export function histogram(name: string, values: readonly number[], weight: number, tags: readonly string[] = []) {
  return [
    gauge(`${name}.max`, Math.max(...values), tags),
    gauge(`${name}.min`, Math.min(...values), tags),
    rate(`${name}.count`, weight, tags),
  ];
}

/** The scenario of a recording: every datagram as it came, then a flush. */
export function scenarioText(datagrams: readonly string[]): string {
  const events = datagrams.map((hex) => ({ at: RECEIVED_S, hex }));
  return [...events, { at: FLUSH_S, do: "flush" }].map((event) => `${JSON.stringify(event)}\n`).join("");
}

/** The golden of a recording. */
export function goldenText({ why, client, transport, decoded, flushed }: ClientRecording): string {
  const source = `Recorded by scripts/record.ts from npm:${client}@${CLIENTS[client]}, sent over ${transport}.`;
  const lists = Object.entries({ decode: decoded, feed: flushed }).map(([stage, objects]) => {
    return `    "${stage}": [\n${objects.map((one) => `      ${JSON.stringify(one)}`).join(",\n")}\n    ]`;
  });
  const members = [
    `  "why": ${JSON.stringify(why)}`,
    `  "source": ${JSON.stringify(source)}`,
    `  "config": ${JSON.stringify({ statsd: { interval: "10s", hostname: "web1" } })}`,
    `  "options": ${JSON.stringify({ live: transport })}`,
    `  "expect": {\n${lists.join(",\n")}\n  }`,
  ];
  return `{\n${members.join(",\n")}\n}\n`;
}
