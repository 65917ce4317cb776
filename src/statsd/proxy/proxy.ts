/** The proxy: takes imports in, and gives each series to the global instance that has it. */
import type { Clock, Running } from "../../clock/mod.ts";
import { newLogSampler, type Reporter, type SampledLog } from "../../telemetry/mod.ts";
import type { ImportRequestError } from "../import_body.ts";
import { readForwardTls } from "../stream_tls.ts";
import { carriedMetric, type CarriedSeries } from "./carried.ts";
import type { MemberSource, ProxyConfig, ProxyForm } from "./config.ts";
import { newConsulFinder } from "./consul.ts";
import { startDiscovery } from "./discovery.ts";
import { readElements } from "./import_elements.ts";
import { newPodFinder, readPodAccount } from "./kubernetes.ts";
import { metricKey } from "./metric_identity.ts";
import type { IngestProtocol, ProxyMetrics } from "./metrics.ts";
import { DestinationRing } from "./ring.ts";
import { newRingKeys, type RingKeys } from "./ring_key.ts";
import { newGrpcTarget, newHttpTarget, type ProxyTarget } from "./target.ts";

/** For how long series that come over gRPC are gathered, in milliseconds: a call says nothing of its end. */
const GATHER_MS = 50;
/** So many go on at once. */
const MOST_GATHERED = 5_000;

/** What the proxy is given. */
export interface ProxyDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly metrics: ProxyMetrics;
  /** Asks for members, and nothing else. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Where a pod finds its cluster. */
  readonly env: Readonly<Record<string, string>>;
  /** How a member takes series; replaced in tests. */
  readonly newTarget?: (form: ProxyForm, member: string) => ProxyTarget;
}

/** A running proxy. Disposing takes nothing in any more, and sends what waits within `shutdownTimeoutMs`. */
export interface Proxy extends Running {
  /** False once it stops: then nothing is taken in. */
  readonly isAccepting: boolean;
  /** Series that wait or are under way, by destination. */
  pending(): Iterable<readonly [member: string, series: number]>;
  /** Takes the body of an import. @returns why it is refused as a whole */
  import(body: Uint8Array, encoding: string): ImportRequestError | undefined;
  /** Takes a `metricpb.Metric`, valid during the call. It goes on with others that come soon after. */
  takeMetric(protocol: IngestProtocol, bytes: Uint8Array): void;
}

/**
 * Starts a proxy, and looks for its destinations.
 *
 * @throws {NoDestinationError} when there is none
 * @throws {TlsSettingError} when a certificate can't be used
 */
export async function startProxy(config: ProxyConfig, deps: ProxyDeps): Promise<Proxy> {
  readForwardTls(config); // a certificate that can't be used is told of before anything starts
  const proxy = new RunningProxy(config, deps);
  try {
    await proxy.discover();
  } catch (error) {
    await proxy[Symbol.asyncDispose]();
    throw error;
  }
  return proxy;
}

class RunningProxy implements Proxy {
  readonly #config: ProxyConfig;
  readonly #deps: ProxyDeps;
  readonly #keys: RingKeys;
  readonly #log: SampledLog;
  readonly #rings = new Map<ProxyForm, DestinationRing>();
  readonly #discoveries: Running[] = [];
  /** Series that came over gRPC one by one, and go on together. */
  #gathered: CarriedSeries[] = [];
  #gathering = new AbortController();
  readonly #stopped = Promise.withResolvers<void>();
  #stop: Promise<void> | undefined;

  constructor(config: ProxyConfig, deps: ProxyDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#keys = newRingKeys(config.ignoreTags);
    this.#log = newLogSampler(deps.reporter, deps.clock).sampled("import");
  }

  readonly done = this.#stopped.promise;

  get isAccepting(): boolean {
    return this.#stop === undefined && [...this.#rings.values()].every(({ size }) => size > 0);
  }

  *pending(): Generator<[member: string, series: number]> {
    for (const ring of this.#rings.values()) yield* ring.pending();
  }

  async discover(): Promise<void> {
    for (const form of ["http", "grpc"] as const) {
      const source = this.#config.rings[form];
      if (source !== undefined) await this.#startRing(form, source);
    }
  }

  async #startRing(form: ProxyForm, source: MemberSource): Promise<void> {
    const { clock, reporter, metrics } = this.#deps;
    const { sendBufferSize, maxIdleConnsPerHost, refreshIntervalMs } = this.#config;
    const newTarget = this.#deps.newTarget ?? ((form, member) => this.#newTarget(form, member));
    const ring = new DestinationRing({ maxSeries: sendBufferSize, maxRequests: maxIdleConnsPerHost }, {
      metrics,
      newTarget: (member) => newTarget(formOf(form, source, member), member),
    });
    this.#rings.set(form, ring);
    const setMembers = (members: readonly string[]) => {
      ring.setMembers(members);
      metrics.members(form, ring.size);
    };
    if (source.kind === "static") return setMembers(source.members);
    const discovery = await startDiscovery(await this.#finderOf(source), refreshIntervalMs, {
      clock,
      log: reporter,
      onLook: (status) => metrics.discovered(form, status),
      onMembers: setMembers,
    });
    this.#discoveries.push(discovery);
  }

  async #finderOf(source: Exclude<MemberSource, { kind: "static" }>) {
    const { consulAddress: address, consulToken: token } = this.#config;
    if (source.kind === "kubernetes") {
      return newPodFinder(source.label, await readPodAccount(this.#deps.env), this.#deps);
    }
    return newConsulFinder(
      { address, service: source.service, ...token === undefined ? {} : { token } },
      this.#deps,
    );
  }

  #newTarget(form: ProxyForm, member: string): ProxyTarget {
    const limits = { timeoutMs: this.#config.forwardTimeoutMs };
    if (form === "http") return newHttpTarget(member, limits, this.#deps);
    return newGrpcTarget(member, limits, this.#deps, this.#config);
  }

  import(body: Uint8Array, encoding: string): ImportRequestError | undefined {
    const read = readElements(body, encoding, this.#keys);
    const { metrics } = this.#deps;
    if ("status" in read) {
      metrics.refused("http", read.cause);
      this.#log.debug(read.message, { cause: read.cause });
      return read;
    }
    metrics.taken("http");
    metrics.received("http", read.series.length, read.nameless);
    this.#send("http", read.series);
    return undefined;
  }

  takeMetric(protocol: IngestProtocol, bytes: Uint8Array): void {
    const key = metricKey(bytes, this.#keys);
    this.#deps.metrics.received(protocol, key === undefined ? 0 : 1, key === undefined ? 1 : 0);
    if (key === undefined) return;
    this.#gathered.push(carriedMetric(key, bytes.slice()));
    if (this.#gathered.length >= MOST_GATHERED || this.#stop !== undefined) this.#sendGathered();
    else if (this.#gathered.length === 1) {
      this.#gathering = new AbortController();
      this.#deps.clock.sleep(GATHER_MS, this.#gathering.signal).then(() => this.#sendGathered());
    }
  }

  #sendGathered(): void {
    this.#gathering.abort();
    this.#send("grpc", this.#gathered.splice(0));
  }

  /** What came in one form goes out in it where there is a ring for that. */
  #send(form: ProxyForm, series: readonly CarriedSeries[]): void {
    if (series.length === 0) return;
    const ring = this.#rings.get(form) ?? [...this.#rings.values()][0];
    ring?.send(series);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop ??= this.#drain().finally(this.#stopped.resolve);
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#discoveries.map((discovery) => discovery[Symbol.asyncDispose]()));
    this.#sendGathered();
    const late = new AbortController(), done = new AbortController();
    this.#deps.clock.sleep(this.#config.shutdownTimeoutMs, done.signal).then(() => late.abort());
    await Promise.all([...this.#rings.values()].map((ring) => ring.drain(late.signal)));
    done.abort();
  }
}

/** Pods of Kubernetes say by their scheme which form they take. */
function formOf(form: ProxyForm, { kind }: MemberSource, member: string): ProxyForm {
  return kind !== "kubernetes" ? form : /^https?:\/\//.test(member) ? "http" : "grpc";
}
