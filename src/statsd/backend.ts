import type { Running } from "../clock/mod.ts";
import type { GroupHandover } from "../linux/mod.ts";
import type { Batch } from "../metric/mod.ts";
import type { OutputConfig } from "../output/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import type { ListenAddress } from "./address.ts";
import type { StatsdConfig } from "./config.ts";
import type { CoreConfig, FlushReport, Published } from "./core.ts";
import type { SendForward } from "./forwarder.ts";
import type { RefusedLine } from "./heart.ts";
import type { ImportRequestError } from "./import_body.ts";

/** Where the source's work is done: in threads of its own, or in the caller's. */
export interface Backend extends Running {
  /** Where it listens, with the ports it got. */
  readonly addresses: readonly ListenAddress[];
  /** Each thread's counts, live. */
  readonly stats: readonly Float64Array[];
  /** Datagrams the kernel dropped for want of room. */
  drops(): number;
  /** Ends the interval on every thread and hands its batches on; resolves when the last is handed on. */
  flush(timestamp: number): Promise<FlushReport>;
  /** Changes how the next flush publishes. */
  reconfigure(config: CoreConfig): Promise<void>;
  /** Takes in the body of an import; what is wrong with it as a whole, if anything is. */
  import(body: Uint8Array<ArrayBuffer>, encoding: string): Promise<ImportRequestError | undefined>;
  /** Takes in lines that came from inside the process, an LF behind each. */
  ingest(lines: Uint8Array<ArrayBuffer>): void;
  /** Stops receiving: what has arrived is taken in, then the sockets are closed. A flush may follow. */
  stopListening(): Promise<void>;
}

/** What a backend is given. */
export interface BackendDeps {
  readonly reporter: Reporter;
  /** Takes a batch for output number `output`; resolves when it is delivered, stored, or given up. */
  readonly deliver: (output: number, batch: Batch) => Promise<void>;
  /** Sends one forward of a local instance; absent: it has nowhere to go. */
  readonly forward?: SendForward;
  /** Opens UDP sockets that another process takes over, or has had; absent: nobody does. */
  readonly handover?: GroupHandover;
  /**
   * Awaited when the UDP sockets are read from, before any other address is listened on: a predecessor gives them up
   * meanwhile.
   */
  readonly onReceiving?: () => Promise<void>;
  /** Told of refused lines, a few a second; absent: they are only counted. */
  readonly onRefused?: (refused: RefusedLine) => void;
  /** Shown everything a flush publishes; only where everything runs in the caller's thread. */
  readonly onPublished?: (published: Published) => void;
}

/** How many threads a backend has, and which part of the configuration it is built from. */
export interface BackendConfig {
  readonly statsd: StatsdConfig;
  readonly core: CoreConfig;
}

/** The core's configuration, from the section and from what the agent knows. */
export function coreConfig(statsd: StatsdConfig, hostname: string, outputs: readonly OutputConfig[]): CoreConfig {
  const isLocal = statsd.forwardAddress !== "";
  const setsOfGenerationA = isLocal && statsd.forwardSetFormat === "v1";
  return {
    heart: {
      extendTags: statsd.extendTags,
      maxSeries: statsd.maxSeries,
      maxTagsPerMetric: statsd.maxTagsPerMetric,
      isLocal,
      setsOfGenerationA,
      metricMaxLength: statsd.metricMaxLength,
      maxEvents: MAX_EVENTS,
    },
    flush: {
      intervalMs: statsd.intervalMs,
      percentiles: statsd.percentiles,
      aggregates: statsd.aggregates,
      tags: statsd.tags,
      hostname,
      isLocal,
      keepsGauges: setsOfGenerationA,
    },
    outputs,
    spans: {
      indicatorTimerName: statsd.indicatorSpanTimerName,
      objectiveTimerName: statsd.objectiveSpanTimerName,
      bufferSize: statsd.datadogSpanBufferSize,
    },
    forwardForm: statsd.forwardUseGrpc ? "protobuf" : "json",
  };
}

/** Events, and checks, that one thread keeps for a flush: at a kilobyte each a hundred megabytes. */
const MAX_EVENTS = 100_000;
