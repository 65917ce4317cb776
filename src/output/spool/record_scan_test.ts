import assert from "node:assert/strict";
import { batchOf, eventTexts } from "../testing.ts";
import { outputNameBytes, recordCuts, recordSeed, RecordWriter } from "./record.ts";
import { RecordScan, type ScanSource } from "./record_scan.ts";

const SEED = recordSeed(new Uint8Array(16), 1);

/** Records of one event each, numbered from 1, and where each starts. */
function records(...texts: string[]) {
  const writer = new RecordWriter();
  const starts: number[] = [];
  texts.forEach((text, i) => {
    starts.push(writer.view().length);
    const batch = batchOf("points", text);
    writer.batch(outputNameBytes("out"), batch, recordCuts(batch), { sequence: 1 + i, storedMs: 0, seed: SEED });
  });
  return { bytes: writer.view().slice(), starts };
}

function source(bytes: Uint8Array): ScanSource {
  return {
    readAt: (offset, into) => {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return Promise.resolve(part.length);
    },
  };
}

/** What a scan comes to: texts, damage as `from-to`, the end as its offset. */
async function scanned(bytes: Uint8Array, limit = bytes.length, voidFrom = Infinity): Promise<(string | number)[]> {
  const scan = new RecordScan(source(bytes), { seed: SEED, from: 0, expected: 1, voidFrom });
  const steps: (string | number)[] = [];
  for (;;) {
    const step = await scan.next(limit);
    if (step.state === "end") return [...steps, step.at];
    if (step.state === "damage") steps.push(`${step.from}-${step.to}`);
    else steps.push(eventTexts({ id: 0, kind: "points", ...step.events! })[0]!);
  }
}

const { bytes, starts } = records("a", "bb", "ccc", "dddd");

Deno.test("next() goes from record to record", async () => {
  assert.deepEqual(await scanned(bytes), ["a", "bb", "ccc", "dddd", bytes.length]);
  assert.deepEqual(await scanned(new Uint8Array(0)), [0]);
});

Deno.test("next() ends where the last whole record below the limit does", async () => {
  for (let limit = 0; limit < bytes.length; limit++) {
    const whole = [...starts.slice(1), bytes.length].filter((end) => end <= limit);
    const expected = [...["a", "bb", "ccc", "dddd"].slice(0, whole.length), whole.at(-1) ?? 0];
    assert.deepEqual(await scanned(bytes, limit), expected, `limit ${limit}`);
    assert.deepEqual(await scanned(bytes.slice(0, limit)), expected, `cut at ${limit}`);
  }
});

Deno.test("next() goes on behind damage of any byte", async () => {
  for (let at = starts[1]!; at < starts[2]!; at++) {
    const damaged = bytes.slice();
    damaged[at]! ^= 0x10;
    assert.deepEqual(await scanned(damaged), ["a", `${starts[1]}-${starts[2]}`, "ccc", "dddd", bytes.length], `${at}`);
  }
});

Deno.test("next() finds records behind more damage than fits its window", async () => {
  for (const fill of [0, 0xf5]) {
    const gap = new Uint8Array(3_000_000).fill(fill);
    const long = new Uint8Array([...bytes.subarray(0, starts[1]), ...gap, ...bytes.subarray(starts[1])]);
    const to = starts[1]! + gap.length;
    assert.deepEqual(await scanned(long), ["a", `${starts[1]}-${to}`, "bb", "ccc", "dddd", long.length]);
  }
});

Deno.test("next() reads records larger than its window", async () => {
  const large = "x".repeat(3_000_000);
  const { bytes } = records("a", large, "b");
  assert.deepEqual(await scanned(bytes), ["a", large, "b", bytes.length]);
});

Deno.test("next() takes no record twice: a copy is damage", async () => {
  const copied = new Uint8Array([...bytes.subarray(0, starts[2]), ...bytes]);
  assert.deepEqual(await scanned(copied), ["a", "bb", `${starts[2]}-${starts[2]! * 2}`, "ccc", "dddd", copied.length]);
});

Deno.test("next() ends where what is void starts", async () => {
  assert.deepEqual(await scanned(bytes, bytes.length, 3), ["a", "bb", starts[2]]);
});

Deno.test("next() tells how many numbers are missing", async () => {
  const scan = new RecordScan(source(bytes.slice(starts[2])), { seed: SEED, from: 0, expected: 1 });
  const step = await scan.next(bytes.length - starts[2]!);
  assert.ok(step.state === "record" && step.missing === 2);
  assert.deepEqual([scan.expected, scan.at], [4, starts[3]! - starts[2]!]);
});

Deno.test("next() goes through noise, and ends", async () => {
  for (let i = 0; i < 20; i++) {
    const noise = crypto.getRandomValues(new Uint8Array(5_000));
    for (let at = 0; at < noise.length - 30; at += 97) noise.set([0xf5, 0xff, 0xc1, 0xfe], at);
    assert.deepEqual(await scanned(noise), [0]);
  }
});

Deno.test("next() rejects as its source does, and can be asked again", async () => {
  let fails = true;
  const scan = new RecordScan({
    readAt: (offset, into) => fails ? Promise.reject(new Error("no")) : source(bytes).readAt(offset, into),
  }, { seed: SEED, from: 0, expected: 1 });
  await assert.rejects(scan.next(bytes.length), /no/);
  fails = false;
  assert.equal((await scan.next(bytes.length)).state, "record");
});
