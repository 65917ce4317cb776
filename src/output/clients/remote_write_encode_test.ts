import assert from "node:assert/strict";
import { toHex } from "../../bytes/mod.ts";
import { BatchBuilder, type Point } from "../../metric/mod.ts";
import { RemoteWriteEncoder, type RemoteWriteEncoding } from "./remote_write_encode.ts";
import { writeRequestTexts } from "./remote_write_testing.ts";

const TIME = 1_700_000_010;
const MS = `${TIME}000`;
const gauge: Point = { name: "lat.max", type: "gauge", value: 100, timestamp: TIME, tags: [] };
const rate: Point = { name: "hits", type: "rate", value: 0.5, interval: 10, total: 5, timestamp: TIME, tags: [] };

const PLAIN: RemoteWriteEncoding = { convertCountersToMonotonic: false, maxSeries: 1_000, hostLabel: true };

function encode(encoder: RemoteWriteEncoder, ...points: readonly Point[]): Uint8Array {
  const out = new BatchBuilder("points", TIME);
  for (const point of points) if (encoder.point(point, out)) out.endEvent();
  return out.build().bytes;
}

function texts(points: readonly Point[], options: Partial<RemoteWriteEncoding> = {}): string[] {
  return writeRequestTexts(encode(new RemoteWriteEncoder({ ...PLAIN, ...options }), ...points));
}

Deno.test("RemoteWriteEncoder writes the bytes of a WriteRequest", () => {
  const bytes = encode(new RemoteWriteEncoder(PLAIN), { ...gauge, name: "a.b", value: 1, tags: ["z:y"], host: "h" });
  assert.equal(
    toHex(bytes),
    "0a36" + // timeseries, 54 bytes
      "0a0f" + "0a085f5f6e616d655f5f" + "1203615f62" + // __name__ a_b
      "0a09" + "0a04686f7374" + "120168" + // host h
      "0a06" + "0a017a" + "120179" + // z y
      "1210" + "09000000000000f03f" + "10909e96ffbc31", // 1 at 1700000010000
  );
});

const series: [point: Partial<Point>, text: string][] = [
  [{}, `{__name__=lat_max} 100 @${MS}`],
  [{ tags: ["env:prod", "Dc:eu"], host: "web1" }, `{Dc=eu,__name__=lat_max,env=prod,host=web1} 100 @${MS}`],
  [{ tags: ["bare", "e:", "a:1", "a:2"] }, `{__name__=lat_max,a=2} 100 @${MS}`],
  [{ name: "1st-köln", value: -2.5 }, `{__name__=_1st_k_ln} -2.5 @${MS}`],
  [{ timestamp: 1 }, `{__name__=lat_max} 100 @1000`],
];
for (const [part, text] of series) {
  Deno.test(`RemoteWriteEncoder writes ${text}`, () => assert.deepEqual(texts([{ ...gauge, ...part }]), [text]));
}

Deno.test("RemoteWriteEncoder sends what the interval counted", () => {
  assert.deepEqual(texts([rate, { ...rate, timestamp: TIME + 10, total: 7 }]), [
    `{__name__=hits} 5 @${MS}`,
    `{__name__=hits} 7 @${TIME + 10}000`,
  ]);
});

Deno.test("RemoteWriteEncoder sends sums since start where it is told to", () => {
  const points = [
    rate,
    { ...rate, tags: ["a:1", "b:2"], total: 1 },
    { ...gauge, value: 3 },
    { ...rate, timestamp: TIME + 10, total: 7 },
    { ...rate, timestamp: TIME + 10, tags: ["b:2", "a:1"], total: 2 }, // the same series in another order
    { ...gauge, timestamp: TIME + 10, value: 3 },
  ];
  assert.deepEqual(texts(points, { convertCountersToMonotonic: true }).map((text) => text.split(" @")[0]), [
    "{__name__=hits} 5",
    "{__name__=hits,a=1,b=2} 1",
    "{__name__=lat_max} 3",
    "{__name__=hits} 12",
    "{__name__=hits,a=1,b=2} 3",
    "{__name__=lat_max} 3",
  ]);
});

Deno.test("RemoteWriteEncoder forgets the sum that was not needed for longest", () => {
  const at = (name: string, flush: number): Point => ({ ...rate, name, total: 1, timestamp: TIME + flush });
  const points = [at("a", 0), at("b", 0), at("a", 1), at("c", 1), at("a", 2), at("b", 2)];
  assert.deepEqual(
    texts(points, { convertCountersToMonotonic: true, maxSeries: 2 }).map((text) => text.split(" @")[0]),
    ["{__name__=a} 1", "{__name__=b} 1", "{__name__=a} 2", "{__name__=c} 1", "{__name__=a} 3", "{__name__=b} 1"],
  );
});

Deno.test("RemoteWriteEncoder sends the first of two points that are one series there", () => {
  const points: Point[] = [
    { ...gauge, name: "a.b", value: 1 },
    { ...gauge, name: "a_b", value: 2 },
    { ...gauge, name: "a.b", value: 3, timestamp: TIME - 5 }, // of another time
    { ...gauge, name: "a.b", value: 4, timestamp: TIME - 5 },
    { ...gauge, name: "a.b", value: 5, tags: ["bare"] },
    { ...gauge, name: "a.b", value: 6, timestamp: TIME + 10 },
  ];
  assert.deepEqual(texts(points), [
    `{__name__=a_b} 1 @${MS}`,
    `{__name__=a_b} 3 @${TIME - 5}000`,
    `{__name__=a_b} 6 @${TIME + 10}000`,
  ]);
});

Deno.test("RemoteWriteEncoder leaves out what is not finite or before 1970, and the host where it is excluded", () => {
  assert.deepEqual(texts([{ ...gauge, value: NaN }, { ...gauge, value: -Infinity }, { ...gauge, timestamp: -1 }]), []);
  assert.deepEqual(texts([{ ...gauge, host: "h" }], { hostLabel: false }), [`{__name__=lat_max} 100 @${MS}`]);
});
