import assert from "node:assert/strict";
import { eventBytes } from "../metric/mod.ts";
import { DeliveryError } from "./contract.ts";
import { PartPublisher } from "./http_parts.ts";
import { batchOf, forever } from "./testing.ts";

const tooLarge = () => new DeliveryError("too_large", "Cannot deliver: 413", { status: 413 });

/** Publishes batches of `sizes` events, the first event of the first one named `large`; the sizes of the requests. */
async function requestSizes(sizes: readonly number[], refuses: (texts: readonly string[]) => boolean) {
  const parts = new PartPublisher({ bytes: 1e6, bodyBytes: 1e6, concurrency: 1 });
  const sent: number[][] = [];
  for (const [at, size] of sizes.entries()) {
    const texts = Array.from({ length: size }, (_, i) => at === 0 && i === 0 ? "large" : `e${i}`);
    const requests: number[] = [];
    let part: readonly string[] = [];
    const { remaining, error } = await parts.publish(batchOf("points", ...texts), {
      body: (batch) => {
        part = Array.from(batch.ends, (_, i) => new TextDecoder().decode(eventBytes(batch, i)));
        return Promise.resolve(new Uint8Array(1));
      },
      send: () => {
        requests.push(part.length);
        return Promise.resolve(refuses(part) ? tooLarge() : undefined);
      },
    }, forever);
    assert.deepEqual([remaining, error], [null, undefined]);
    sent.push(requests);
  }
  return sent;
}

Deno.test("PartPublisher remembers how many events were too many", async () => {
  const sent = await requestSizes([8, 8], (texts) => texts.length > 2);
  assert.deepEqual(sent[1], [2, 2, 2, 2]);
});

Deno.test("PartPublisher learns nothing of numbers from one event that is too large", async () => {
  const [first, second] = await requestSizes([8, 8], (texts) => texts.includes("large"));
  assert.ok(first!.length <= 7, String(first));
  assert.deepEqual(second, [8]);
});
