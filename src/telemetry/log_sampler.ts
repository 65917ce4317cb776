import type { Clock } from "../clock/mod.ts";
import type { Fields, Log, LogLevel } from "./reporter.ts";

/** Fields, or how to make them once it is certain that they are wanted. */
export type LazyFields = Fields | (() => Fields);

/** A log that leaves lines out; fields given as a function are made for the others only. */
export interface SampledLog extends Log {
  debug(message: string, fields?: LazyFields): void;
  info(message: string, fields?: LazyFields): void;
  warn(message: string, fields?: LazyFields): void;
  error(message: string, fields?: LazyFields): void;
}

/** Makes logs for paths that run once a packet. */
export interface LogSampler {
  /**
   * The log of `key`: in each second the first `perSecond` lines pass, and the first of a later second tells in
   * `suppressed` how many were left out since. Look it up once; asking again gives the same one.
   */
  sampled(key: string, perSecond?: number): SampledLog;
}

/** More keys than this share one log. Keys name places in the program, never what came in a packet. */
const MOST_KEYS = 1000;

/** A sampler that writes to `log`. @param clock tells seconds by its monotonic time */
export function newLogSampler(log: Log, clock: Pick<Clock, "monotonic">): LogSampler {
  const logs = new Map<string, SampledLog>();
  return {
    sampled(key, perSecond = 10) {
      const name = logs.has(key) || logs.size < MOST_KEYS ? key : "";
      let sampled = logs.get(name);
      if (sampled === undefined) {
        sampled = newSampledLog(log, clock, perSecond);
        logs.set(name, sampled);
      }
      return sampled;
    },
  };
}

function newSampledLog(log: Log, clock: Pick<Clock, "monotonic">, perSecond: number): SampledLog {
  let second = -1;
  let passed = 0;
  let suppressed = 0;
  const at = (level: LogLevel) => (message: string, fields?: LazyFields): void => {
    const now = Math.floor(clock.monotonic() / 1000);
    if (now !== second) {
      second = now;
      passed = 0;
    }
    if (passed >= perSecond) {
      suppressed++;
      return;
    }
    passed++;
    const made = typeof fields === "function" ? fields() : fields;
    log[level](message, suppressed > 0 ? { ...made, suppressed } : made);
    suppressed = 0;
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
