import assert from "node:assert/strict";
import type { SavedEnds } from "./broker_topics.ts";
import type { SavedGroup } from "./cluster_store.ts";
import { decodeEnds, decodeGroup, encodeEnds, encodeGroup } from "./saved_form.ts";

const GROUP: SavedGroup = {
  lastCommit: 1_700_000_000_000,
  lastOwned: -Infinity,
  topics: [{
    topic: "events \u00fc",
    partitions: [
      { partition: 0, owner: "", clientId: "", entries: [] },
      {
        partition: 300,
        owner: "/h",
        clientId: "c",
        entries: [
          { offset: 1, order: -5, timestamp: 2n ** 62n, observedAt: 4, lag: null, fresh: true },
          { offset: 2n ** 60n, order: 6, timestamp: 7, observedAt: 8, lag: 0, fresh: false },
        ],
      },
    ],
  }],
};
const ENDS: SavedEnds[] = [{ offsets: [1, 2n ** 60n], timeMs: 5, logStart: null }, {
  offsets: [],
  timeMs: 0,
  logStart: 7,
}];

Deno.test("decodeGroup() and decodeEnds() read what was written", () => {
  assert.deepEqual(decodeGroup(encodeGroup(GROUP)), GROUP);
  assert.deepEqual(decodeEnds(encodeEnds(ENDS)), ENDS);
});

Deno.test("decodeGroup() and decodeEnds() answer null to every cut, to another form, and to counts that lie", () => {
  for (const [bytes, decode] of [[encodeGroup(GROUP), decodeGroup], [encodeEnds(ENDS), decodeEnds]] as const) {
    for (let length = 0; length < bytes.length; length++) assert.equal(decode(bytes.slice(0, length)), null);
    assert.equal(decode(Uint8Array.from(bytes, (byte, i) => i === 0 ? 2 : byte)), null);
  }
  assert.equal(decodeEnds(Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0x0f)), null);
});
