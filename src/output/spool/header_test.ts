import assert from "node:assert/strict";
import {
  encodeHeader,
  HEADER_BYTES,
  parseHeader,
  parseSegmentName,
  type SegmentHeader,
  segmentName,
} from "./header.ts";

const header: SegmentHeader = {
  createdMs: 1_700_000_000_000,
  first: 2 ** 52 + 3,
  previousFirst: 5,
  previousEnd: 77,
  installation: Uint8Array.from({ length: 16 }, (_, i) => i),
};

Deno.test("parseHeader() reads what encodeHeader() wrote", () => {
  const bytes = encodeHeader(header);
  assert.equal(bytes.length, HEADER_BYTES);
  assert.equal(new TextDecoder().decode(bytes.subarray(0, 8)), "LimSpool");
  assert.deepEqual(parseHeader(bytes), { state: "ok", header });
  assert.deepEqual(parseHeader(new Uint8Array([...bytes, 1, 2, 3])), { state: "ok", header });
});

Deno.test("parseHeader() takes a flipped bit for damage, never for a newer version", () => {
  const bytes = encodeHeader(header);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.deepEqual(parseHeader(bytes), { state: "damaged" }, `bit ${bit}`);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

Deno.test("parseHeader() takes a header that is cut short for damage", () => {
  const bytes = encodeHeader(header);
  for (let size = 0; size < bytes.length; size++) {
    assert.deepEqual(parseHeader(bytes.subarray(0, size)), { state: "damaged" });
  }
});

const names: [name: string, first: number | undefined][] = [
  ["0000000000000001.seg", 1],
  ["0010000000000003.seg", 2 ** 52 + 3],
  ["ffffffffffffffff.seg", undefined],
  ["000000000000001.seg", undefined],
  ["0000000000000001", undefined],
  ["0000000000000001.seg.new", undefined],
  ["000000000000000G.seg", undefined],
  ["damaged-0000000000000001.seg", undefined],
];
for (const [name, first] of names) {
  Deno.test(`parseSegmentName() of ${name}`, () => {
    assert.equal(parseSegmentName(name), first);
    if (first !== undefined) assert.equal(segmentName(first), name);
  });
}
