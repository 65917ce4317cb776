/** The poll: dumps and notifications of the kernel into the heart. */
import {
  DestroyListener,
  DiagDumper,
  type DiagFamily,
  type DumpFailureReason,
  type DumpReport,
  errnoName,
  openDiagSocket,
  SocketLookup,
  SystemError,
  WATCHED_STATES,
} from "../linux/mod.ts";
import type { LogLevel } from "../telemetry/mod.ts";
import type { ChangeSink } from "./changes.ts";
import type { TcpinfoConfig } from "./config.ts";
import { Heart } from "./heart.ts";
import { At, Histogram, observe } from "./stats.ts";
import { Exclusion } from "./wire_exclusion.ts";

/** What a poll is given. */
export interface PollerDeps {
  readonly uuidPrefix: string;
  readonly sink: ChangeSink;
  /** By {@linkcode At}. */
  readonly stats: Float64Array;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds by a clock that never steps back. */
  readonly monotonic: () => number;
  readonly log: (level: LogLevel, message: string) => void;
}

const FAMILY_NAMES = { 2: "AF_INET", 10: "AF_INET6" } as const;
/** Failures are told once in so long. */
const LOG_MS = 1000;
/** Cycles from one line of statistics to the next. */
const STATISTICS_CYCLES = 6000;
/** How long a connection that is absent waits for its notification: the kernel sends it from a queue of its own. */
const GRACE_MS = 100;
/** Longest wait of one receive; a stop is noticed after it. */
const MOST_WAIT_MS = 100;
const ENOENT = 2;

const FAILED_AT: Readonly<Record<DumpFailureReason, number>> = {
  "dump failed": At.failedDump,
  "done status": At.failedStatus,
  NLMSG_ERROR: At.failedError,
  truncated: At.failedTruncated,
  "malformed message": At.failedMalformed,
  enobufs: At.failedMemory,
};

/** The dumps of one family. */
interface Family {
  readonly dumper: DiagDumper;
  /** 1 for `inet_diag` to be asked. */
  isAsked: boolean;
  hasAnswered: boolean;
  isComplete: boolean;
  readMs: number;
  readMonotonicMs: number;
}

/** Polls the kernel each time it is told to. Blocks the thread meanwhile; once connections stay, it allocates nothing for them. */
export class Poller implements Disposable {
  readonly heart: Heart;
  /** How long `wait()` waits at most, in milliseconds. */
  readonly waitMs: number;
  readonly #deps: PollerDeps;
  readonly #inet: Family;
  readonly #inet6: Family;
  readonly #lookup = new SocketLookup({ extensions: 0 });
  readonly #listener: DestroyListener | undefined;
  /** Of the statistics; whoever only watches has the metrics. */
  readonly #level: LogLevel;
  #overflows = 0;
  #begunMs: number;
  #loggedMs = -Infinity;
  #sightings = 0;
  #cycles = 0;

  /**
   * Opens what it needs, and makes sure that the kernel answers.
   *
   * @throws {SystemError} where netlink is not to be had
   * @throws {LinuxUnavailable}
   */
  constructor(config: TcpinfoConfig, deps: PollerDeps) {
    this.#deps = deps;
    this.#level = config.archive.directory === "" ? "debug" : "info";
    const exclusion = new Exclusion({
      local: config.exclude.local,
      sourcePorts: config.exclude.srcports,
      destinations: config.exclude.dstips,
    });
    openDiagSocket({ receiveTimeoutMs: 1 }).close();
    this.#begunMs = deps.monotonic() - config.pollIntervalMs;
    this.waitMs = Math.min(Math.max(Math.floor(config.pollIntervalMs / 10), 1), MOST_WAIT_MS);
    this.#inet = family(2, exclusion);
    this.#inet6 = family(10, exclusion);
    this.#listener = config.destroyNotifications ? this.#listen() : undefined;
    this.heart = new Heart(
      {
        uuidPrefix: deps.uuidPrefix,
        exclusion,
        states: WATCHED_STATES,
        maxConnections: config.maxConnections,
        missed: config.archive.missed,
        graceMs: this.#listener === undefined ? 0 : GRACE_MS,
      },
      deps.sink,
      deps.stats,
    );
  }

  #listen(): DestroyListener | undefined {
    try {
      return new DestroyListener({ waitMs: this.waitMs });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#deps.log("warn", `${error.message}: short connections and last bytes may be missed`);
      return undefined;
    }
  }

  /** One cycle: both dumps, what was notified meanwhile, and what is gone. @throws {SystemError} if no socket can be had */
  cycle(): void {
    const { stats, now, monotonic } = this.#deps, heart = this.heart;
    const begunMs = monotonic();
    observe(stats, Histogram.interval, (begunMs - this.#begunMs) / 1000);
    this.#begunMs = begunMs;
    this.#dump(this.#inet6, Histogram.syscallV6, Histogram.connectionsV6);
    this.#dump(this.#inet, Histogram.syscallV4, Histogram.connectionsV4);
    heart.beginCycle();
    this.#observe(this.#inet);
    this.#observe(this.#inet6);
    this.receive();
    const complete = { inet: this.#inet.isComplete, inet6: this.#inet6.isComplete };
    heart.endCycle(complete, now(), monotonic(), this.#lookup);
    if (this.#cycles++ % STATISTICS_CYCLES === 0) this.#deps.log(this.#level, this.statisticsLine());
  }

  #dump(family: Family, duration: typeof Histogram.syscallV4, count: typeof Histogram.connectionsV4): void {
    if (!family.isAsked) return;
    const { stats, now, monotonic } = this.#deps;
    const begunMs = monotonic();
    const report = family.dumper.dump();
    family.readMonotonicMs = monotonic();
    family.readMs = now();
    family.isComplete = report.status === "complete";
    observe(stats, duration, (family.readMonotonicMs - begunMs) / 1000);
    if (report.status !== "failed") observe(stats, count, family.dumper.count);
    if (report.interrupted > 0) stats[At.interrupted]! += report.interrupted;
    if (report.wrongSequence > 0) stats[At.wrongSequence]! += report.wrongSequence;
    if (report.wrongPort > 0) stats[At.wrongPort]! += report.wrongPort;
    if (report.foreign > 0) stats[At.foreign]! += report.foreign;
    if (report.failure !== undefined) this.#failed(family, report.failure);
    else family.hasAnswered = true;
  }

  #failed(family: Family, failure: NonNullable<DumpReport["failure"]>): void {
    if (!family.hasAnswered && failure.errno === ENOENT) {
      // A kernel without IPv6, or without the module: there are no such sockets.
      family.isAsked = false;
      family.isComplete = true;
      const name = FAMILY_NAMES[family.dumper.family];
      this.#deps.log(
        "info",
        `Not watching ${name}: this kernel has no diagnosis of its TCP sockets (${errnoName(ENOENT)})`,
      );
      return;
    }
    this.#deps.stats[FAILED_AT[failure.reason]]!++;
    this.fail(failure.message);
  }

  /** Tells of a failure, unless it told of one a moment ago. */
  fail(message: string): void {
    const nowMs = this.#deps.monotonic();
    if (nowMs - this.#loggedMs < LOG_MS) return;
    this.#loggedMs = nowMs;
    this.#deps.log("warn", message);
  }

  #observe({ dumper, readMs, readMonotonicMs }: Family): void {
    const { bytes, count } = dumper, heart = this.heart;
    this.#sightings += count;
    for (let i = 0; i < count; i++) {
      heart.observe(dumper.family, bytes, dumper.start(i), dumper.end(i), readMs, readMonotonicMs);
    }
  }

  /** Takes the notifications that are there. @returns how many @throws {SystemError} */
  receive(): number {
    let all = 0;
    for (let count = this.#taken(this.#listener?.receive() ?? 0); count > 0;) {
      all += count;
      count = this.#taken(this.#listener?.receive() ?? 0);
    }
    return all;
  }

  /** Waits for notifications, `waitMs` at most, and takes them. @returns how many; 0 at once if there are none to wait for */
  wait(): number {
    return this.#taken(this.#listener?.wait() ?? 0);
  }

  /** Whether `wait()` waits. */
  get hasNotifications(): boolean {
    return this.#listener !== undefined;
  }

  #taken(count: number): number {
    const listener = this.#listener;
    if (listener === undefined) return 0;
    const { stats, now, monotonic } = this.#deps;
    if (count > 0) {
      const timeMs = now(), monotonicMs = monotonic();
      for (let i = 0; i < count; i++) {
        this.heart.notified(listener.bytes, listener.start(i), listener.end(i), timeMs, monotonicMs);
      }
    }
    if (listener.overflows !== this.#overflows) {
      this.#overflows = listener.overflows;
      stats[At.overflows] = listener.overflows;
      stats[At.notificationsDropped] = listener.dropped();
    }
    return count;
  }

  /** What a poll comes to, in the words of M-Lab's tcp-info. */
  statisticsLine(): string {
    const { stats } = this.#deps;
    const same = stats[At.unchanged]! + stats[At.duplicates]!;
    const changed = stats[At.changed]!, fresh = stats[At.opened]!, local = stats[At.excludedLocal]!;
    const refused = stats[At.rejectedShort]! + stats[At.rejectedAttribute]! + stats[At.rejectedCookie]! +
      stats[At.rejectedBound]!;
    const total = same + changed + fresh + local + refused;
    return `Cache info total ${total}  local ${local} same ${same} diff ${changed} new ${fresh} err ${refused}`;
  }

  /** Closes every connection, and tells what there was. */
  stop(): void {
    this.receive();
    this.heart.stop(this.#deps.now());
    this.#deps.log(this.#level, this.statisticsLine());
    const mean = this.#cycles === 0 ? 0 : this.#sightings / this.#cycles;
    this.#deps.log(this.#level, `${this.#sightings} sockets in ${this.#cycles} cycles, ${mean.toFixed(2)} a cycle`);
  }

  [Symbol.dispose](): void {
    this.#inet.dumper.close();
    this.#inet6.dumper.close();
    this.#lookup.close();
    this.#listener?.close();
  }
}

function family(number: DiagFamily, exclusion: Exclusion): Family {
  return {
    dumper: new DiagDumper({ family: number, filter: exclusion.kernelFilter(number) }),
    isAsked: true,
    hasAnswered: false,
    isComplete: false,
    readMs: 0,
    readMonotonicMs: 0,
  };
}
