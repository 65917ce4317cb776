import { STORAGE_DEFAULTS } from "../config.ts";
import { startStorage, type StorageCoordinator } from "./coordinator.ts";
import type { StorageDeps } from "./inmemory.ts";
import { newRequest } from "./request.ts";

const CLUSTER = "testcluster";
const TOPIC = "testtopic";

/**
 * A running coordinator with commits in it, for tests of what asks storage: module `test`, cluster `testcluster`, group
 * `testgroup` with a full window and `testgroup2` with half of one, both of partition 0 of `testtopic`.
 */
export async function startCoordinatorWithOffsets(deps: StorageDeps): Promise<StorageCoordinator> {
  const config = { ...STORAGE_DEFAULTS, intervals: 10, minDistanceMs: 0 };
  const coordinator = await startStorage({ name: "test", config }, [CLUSTER], deps);
  const place = { cluster: CLUSTER, topic: TOPIC, partition: 0 };
  const end = { ...place, topicPartitionCount: 1, offset: 4321, timestamp: 9876 };
  await coordinator.set(newRequest("StorageSetBrokerOffset", end));
  const startMs = Math.floor(deps.clock.now() / 1000) * 1000 - 100_000;
  for (const [group, commits] of [["testgroup", 10], ["testgroup2", 5]] as const) {
    for (let i = 0; i < commits; i++) {
      const commit = { ...place, group, offset: 1000 + 100 * i, order: 10 + i, timestamp: startMs + 10_000 * i };
      await coordinator.set(newRequest("StorageSetConsumerOffset", commit));
    }
  }
  return coordinator;
}
