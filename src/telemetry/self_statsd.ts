import type { Clock } from "../clock/mod.ts";
import type { Meter } from "../metric/mod.ts";

/** Where a metric is aggregated: where the instance stands, at the global one, or as its type always is. */
export type MetricScope = "default" | "local" | "global";

/** The scope tag of each type, as `veneur_metrics_scopes` gives it; a timer goes with histograms. */
export interface MetricScopes {
  readonly counter: MetricScope;
  readonly gauge: MetricScope;
  readonly histogram: MetricScope;
  readonly set: MetricScope;
}

/** Settings of {@link newSelfMetrics}. */
export interface SelfMetricsOptions {
  /**
   * Sends one datagram, whose bytes are its own. What it throws or rejects with is counted: an agent whose own
   * metrics get nowhere does its work all the same.
   */
  readonly send: (datagram: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  readonly clock: Clock;
  /** Stands before every name. @default "veneur." */
  readonly namespace?: string;
  /** Added to every metric, after its own. */
  readonly tags?: readonly string[];
  /** @default "local" for every type */
  readonly scopes?: Partial<MetricScopes>;
}

/** What became of the packets. */
export interface SelfMetricsCounts {
  /** Handed to `send`. */
  readonly datagrams: number;
  /** Datagrams `send` failed with. */
  readonly failed: number;
  /** Packets left out: no finite number, or longer than a datagram. */
  readonly dropped: number;
}

/** Metrics about the agent itself, sent as DogStatsD packets. Disposing sends what is waiting. */
export interface SelfMetrics extends Meter, AsyncDisposable {
  /** Adds one sample to a histogram. */
  histogram(name: string, value: number, tags?: readonly string[]): void;
  /** Adds one sample to a timer: type `ms`, which here carries nanoseconds. */
  timing(name: string, valueNs: number, tags?: readonly string[]): void;
  /** Sends what is waiting, and resolves when the datagrams handed over so far have ended. */
  flush(): Promise<void>;
  readonly counts: SelfMetricsCounts;
}

/** The most that fits a UDP packet on Ethernet beside headers, options and tunnels, in bytes. */
const MAX_DATAGRAM_BYTES = 1432;
/** How long a packet waits for others. */
const MAX_WAIT_MS = 100;

const SCOPE_TAGS: Record<MetricScope, string[]> = {
  default: [],
  local: ["veneurlocalonly"],
  global: ["veneurglobalonly"],
};

/** Makes the metrics; sends nothing before the first one. */
export function newSelfMetrics(options: SelfMetricsOptions): SelfMetrics {
  const { send, clock, namespace = "veneur." } = options;
  const common = (options.tags ?? []).map(safeTag);
  const suffix = (scope: MetricScope = "local") => [...common, ...SCOPE_TAGS[scope]].join(",");
  const scopes = options.scopes ?? {};
  const ends = {
    c: suffix(scopes.counter),
    g: suffix(scopes.gauge),
    h: suffix(scopes.histogram),
    ms: suffix(scopes.histogram),
    s: suffix(scopes.set),
  };
  const encoder = new TextEncoder();
  const buffer = new Uint8Array(MAX_DATAGRAM_BYTES);
  const counts = { datagrams: 0, failed: 0, dropped: 0 };
  const sending = new Set<Promise<void>>();
  let length = 0;
  let waiting = new AbortController();

  function put(name: string, value: string, type: keyof typeof ends, tags: readonly string[]): void {
    const tagText = [...tags.map(safeTag), ...ends[type] === "" ? [] : [ends[type]]].join(",");
    const packet = encoder.encode(`${namespace}${name}:${value}|${type}${tagText === "" ? "" : `|#${tagText}`}`);
    if (packet.length > MAX_DATAGRAM_BYTES) {
      counts.dropped++;
      return;
    }
    if (length > 0 && length + 1 + packet.length > MAX_DATAGRAM_BYTES) sendBuffer();
    if (length === 0) sendLater();
    else buffer[length++] = 0x0a;
    buffer.set(packet, length);
    length += packet.length;
  }

  function number(name: string, value: number, type: keyof typeof ends, tags: readonly string[] = []): void {
    if (Number.isFinite(value)) put(name, String(value), type, tags);
    else counts.dropped++;
  }

  function sendLater(): void {
    const { signal } = waiting = new AbortController();
    clock.sleep(MAX_WAIT_MS, signal).then(() => {
      if (!signal.aborted) sendBuffer();
    });
  }

  function sendBuffer(): void {
    waiting.abort();
    const datagram = buffer.slice(0, length);
    length = 0;
    counts.datagrams++;
    const sent = (async () => {
      try {
        await send(datagram);
      } catch {
        counts.failed++; // nobody listens there, most often; the count is shown among the agent's metrics
      }
    })();
    sending.add(sent);
    sent.then(() => sending.delete(sent));
  }

  async function flush(): Promise<void> {
    if (length > 0) sendBuffer();
    await Promise.all(sending);
  }

  return {
    counts,
    count: (name, value, tags) => number(name, value, "c", tags),
    gauge: (name, value, tags) => number(name, value, "g", tags),
    histogram: (name, value, tags) => number(name, value, "h", tags),
    timing: (name, valueNs, tags) => number(name, valueNs, "ms", tags),
    set: (name, member, tags = []) => put(name, member.replaceAll(/[|\n]/g, "_"), "s", tags),
    flush,
    [Symbol.asyncDispose]: flush,
  };
}

/** A tag whose text can't end it, its list or its packet early. */
function safeTag(tag: string): string {
  return tag.replaceAll(/[,|\n]/g, "_");
}
