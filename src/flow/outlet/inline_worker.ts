/** A worker of the outlet on the caller's thread. */
import { settledOffsets } from "./settled_offsets.ts";
import { startDirectWorker } from "./direct_worker.ts";
import { startKafkaWorker } from "./kafka_worker.ts";
import type { OutletWorker, WorkerHooks } from "./hooks.ts";
import type { WorkerConfig, WorkerDeps } from "./worker.ts";

/** Starts a worker here. */
export async function startInlineWorker(config: WorkerConfig, hooks: WorkerHooks): Promise<OutletWorker> {
  const { clock, reporter, store, name, clientId, onRates, onFlushed, knowledge } = hooks;
  const deps: WorkerDeps = {
    clock,
    reporter,
    store: {
      insert: (block, signal) => store.insert(block, signal),
      async storedOffsets(topic) {
        await knowledge.caughtUp();
        return await settledOffsets(store, topic, clock);
      },
    },
    columns: store.schema.ingested,
    name,
    clientId: `${clientId}-${name}`,
    onRates,
    onFlushed,
    remember: (learned) => knowledge.take(name, learned),
  };
  const { kafka } = config;
  const direct = kafka === undefined ? await startDirectWorker(config, deps) : undefined;
  const worker = direct ?? await startKafkaWorker({ ...config, kafka: kafka! }, deps);
  knowledge.join(name, (learned) => worker.learn(learned));
  return {
    sink: direct === undefined ? undefined : { take: (parcel) => direct.take(parcel) },
    flush: () => direct?.flush() ?? Promise.resolve(),
    done: worker.done,
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      knowledge.leave(name);
      await knowledge.take(name, worker.state());
    },
  };
}
