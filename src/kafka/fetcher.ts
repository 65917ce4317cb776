import type { KafkaCluster } from "./cluster.ts";
import type { RequestOptions } from "./connection.ts";
import { answerError } from "./errors.ts";
import { type FetchBounds, type FetchedPartition, type FetchPosition, fetchRequest } from "./records_wire.ts";

/** What a fetch asks for unless told otherwise. */
export const FETCH_BOUNDS: FetchBounds = {
  maxWaitMs: 500,
  minBytes: 1,
  maxBytes: 16 * 2 ** 20,
  partitionMaxBytes: 2 ** 20,
  isolation: "read_committed",
};

/**
 * Fetches record batches as they are in the log, without a group: from internal topics as well. The broker must lead the
 * partitions; one that does not answers so for them. `read_committed` ends before open transactions; what was aborted
 * has to be taken out with `newAbortFilter`. The first batch may begin before the offset that was asked for: its records
 * below that are to be passed over.
 *
 * @throws {KafkaError} when the broker does not answer
 */
export async function fetchRecords(
  cluster: KafkaCluster,
  node: number,
  positions: readonly FetchPosition[],
  bounds: Partial<FetchBounds> = {},
  options: RequestOptions = {},
): Promise<readonly FetchedPartition[]> {
  const all = { ...FETCH_BOUNDS, ...bounds };
  const request = fetchRequest(positions, all);
  const { error, partitions } = await cluster.request(node, request, {
    ...options,
    lane: "fetch",
    brokerWaitsMs: all.maxWaitMs,
  });
  if (error !== 0) throw answerError(error, request.what);
  return partitions;
}
