import assert from "node:assert/strict";
import { acceptedLines, At, READ_AHEAD, rejectedLines } from "../../src/statsd/mod.ts";
import { Twins } from "./twins.ts";

const MAX = 64;
const NOW_MS = 1_700_000_000_000;

function datagram(text: string): { bytes: Uint8Array; length: number } {
  const bytes = new Uint8Array(text.length + 1 + READ_AHEAD);
  return { bytes, length: new TextEncoder().encodeInto(text, bytes).written };
}

const books: [text: string, lines: number, accepted: number, rejected: number][] = [
  ["", 0, 0, 0],
  ["a:1|c", 1, 1, 0],
  ["a:1|c\n\nb\n", 3, 1, 1],
  ["a:1:2|ms|@0.5|#x,y\r\n_e{1,1}:a|b\n_sc|up|0", 3, 3, 0],
  [`a:1|c\n${"x".repeat(MAX)}`, 2, 1, 1],
  ["x".repeat(MAX + 1), 1, 0, 1],
];

for (const [text, lines, accepted, rejected] of books) {
  Deno.test(`Twins agree on ${JSON.stringify(text)}`, async () => {
    const twins = new Twins({ metric_max_length: MAX });
    twins.setTime(NOW_MS);
    const { bytes, length } = datagram(text);
    assert.equal(twins.take(bytes, length), undefined);
    const { stats } = twins;
    assert.deepEqual([stats[At.lines], acceptedLines(stats), rejectedLines(stats)], [lines, accepted, rejected]);
    assert.equal(await twins.flush(NOW_MS / 1000), undefined);
  });
}

Deno.test("Twins say how they differ", () => {
  const twins = new Twins({ metric_max_length: MAX });
  twins.stats[At.empty] = 1;
  const { bytes, length } = datagram("a:1|c");
  assert.match(twins.take(bytes, length) ?? "", /is 1 for the datagram, 0 for its lines/);
});
