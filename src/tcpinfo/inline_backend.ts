/** The source in the caller's thread, for a program that embeds it: a poll blocks the thread for as long as it takes. */
import { OWN_ADDRESSES_MS, ownAddresses, TICK_MS } from "./archive_upkeep.ts";
import { Anonymizer } from "./anonymize.ts";
import { Archive } from "./archive.ts";
import { type Backend, type BackendConfig, type BackendDeps, HURRY_MS } from "./backend.ts";
import { Outbox } from "./outbox.ts";
import { Poller } from "./poller.ts";
import { newStats } from "./stats.ts";

/** @throws {SystemError} where netlink is not to be had @throws {LinuxUnavailable} */
export function startInlineBackend(config: BackendConfig, deps: BackendDeps): Backend {
  const { tcpinfo, directory, uuidPrefix } = config;
  const { clock, reporter } = deps;
  const stats = newStats();
  const anonymizer = new Anonymizer(tcpinfo.anonymizeIp, ownAddresses());
  let hurries = false;
  const archive = directory === "" ? undefined : new Archive({
    directory,
    uuidPrefix,
    fileAgeLimitMs: tcpinfo.archive.fileAgeLimitMs,
    flushIntervalMs: tcpinfo.archive.flushIntervalMs,
    bufferBytes: tcpinfo.archive.bufferBytes,
    fsync: () => tcpinfo.archive.fsync && !hurries,
  }, {
    anonymizer,
    stats,
    monotonic: () => clock.monotonic(),
    warn: (message, fields) => reporter.warn(message, fields),
  });
  const outbox = new Outbox({
    marshallers: archive === undefined ? 0 : 1,
    post: (_, batch) => archive?.take(batch),
    onEvents: deps.onEvents,
  });
  const poller = new Poller(tcpinfo, {
    uuidPrefix,
    sink: outbox,
    stats,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    log: (level, message) => reporter[level](message),
  });
  const stop = new AbortController();

  async function run(): Promise<void> {
    let next = clock.monotonic(), refreshMs = next + OWN_ADDRESSES_MS;
    try {
      for (let cycles = 0; !stop.signal.aborted && (tcpinfo.reps === 0 || cycles < tcpinfo.reps); cycles++) {
        poller.cycle();
        outbox.flush();
        next = Math.max(next + tcpinfo.pollIntervalMs, clock.monotonic());
        do {
          await clock.sleep(Math.min(Math.max(next - clock.monotonic(), 0), TICK_MS), stop.signal);
          poller.receive();
          outbox.flush();
          archive?.tick();
          if (tcpinfo.anonymizeIp !== "none" && clock.monotonic() >= refreshMs) {
            anonymizer.setOwn(ownAddresses());
            refreshMs = clock.monotonic() + OWN_ADDRESSES_MS;
          }
        } while (clock.monotonic() < next && !stop.signal.aborted);
      }
      poller.stop();
      outbox.flush();
    } finally {
      poller[Symbol.dispose]();
      const hurrying = setTimeout(() => hurries = true, HURRY_MS);
      await archive?.close();
      clearTimeout(hurrying);
    }
  }

  const done = run();
  done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  return {
    done,
    stats: [stats],
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}
