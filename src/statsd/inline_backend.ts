/** The source in the caller's own thread: for embedding, for scenarios and for tests. */
import type { Backend, BackendConfig, BackendDeps } from "./backend.ts";
import { AggregationCore } from "./core.ts";
import { startListeners } from "./listeners.ts";
import { newStats } from "./stats.ts";
import { sharedMonotonicMs } from "./threads.ts";

/** Starts the listeners and the aggregation in this thread. */
export async function startInlineBackend({ statsd, core: config }: BackendConfig, deps: BackendDeps): Promise<Backend> {
  const stats = newStats();
  const core = new AggregationCore(config, {
    budget: new Int32Array(1),
    stats,
    post: deps.deliver,
    forward: deps.forward ?? (() => Promise.resolve("refused")),
    pause: () => new Promise((resolve) => setTimeout(resolve, 0)),
    monotonic: sharedMonotonicMs,
    ...(deps.onRefused === undefined ? {} : { onRefused: deps.onRefused }),
    ...(deps.onPublished === undefined ? {} : { onPublished: deps.onPublished }),
  });
  const listeners = await startListeners(
    { statsd, listen: statsd.listen, ssfListen: statsd.ssfListen },
    core,
    (level, message) => deps.reporter[level](message),
  );
  const stopped = Promise.withResolvers<void>();
  let flushes: Promise<unknown> = Promise.resolve();
  return {
    addresses: listeners.addresses,
    stats: [stats],
    done: stopped.promise,
    drops: () => 0,
    flush: (timestamp) => {
      const flush = flushes.then(() => core.flush([], timestamp));
      flushes = flush.catch(() => {}); // whoever asked for that flush is told
      return flush;
    },
    reconfigure: async ({ flush, outputs }) => {
      await flushes;
      core.reconfigure(flush, outputs);
    },
    import: (body, encoding) => {
      core.heart.setTime(Date.now(), sharedMonotonicMs());
      return Promise.resolve(core.import(body, encoding));
    },
    ingest: (lines) => ingestLines(core, lines),
    stopListening: async () => await listeners[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await listeners[Symbol.asyncDispose]();
      await flushes;
      stopped.resolve();
    },
  };
}

/** Takes in lines that came from inside the process. */
export function ingestLines({ heart }: AggregationCore, lines: Uint8Array): void {
  heart.setTime(Date.now(), sharedMonotonicMs());
  for (let at = 0; at < lines.length;) {
    const lf = lines.indexOf(0x0a, at);
    const end = lf < 0 ? lines.length : lf;
    heart.ingestLine(lines, at, end);
    at = end + 1;
  }
}
