import assert from "node:assert/strict";
import { LineSplitter } from "./stream_lines.ts";

/** What a splitter gave, in order; a line "bad" is refused. */
function recorder(maxBytes: number) {
  const decoder = new TextDecoder();
  const given: string[] = [];
  const splitter = new LineSplitter(maxBytes, {
    onLine(bytes, start, end) {
      const line = decoder.decode(bytes.subarray(start, end));
      given.push(line);
      return line !== "bad";
    },
    onTooLong: (head) => void given.push(`too long: ${decoder.decode(head)}`),
  });
  return { splitter, given };
}

function split(text: string, maxBytes: number, sizes: Iterable<number>): string[] {
  const { splitter, given } = recorder(maxBytes);
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) break;
    splitter.push(bytes.slice(at, at + size));
    at += size;
  }
  splitter.end();
  return given;
}

function* always(size: number): Generator<number> {
  for (;;) yield size;
}

/** A linear congruential generator: the same sizes in every run. */
function* random(seed: number, below: number): Generator<number> {
  for (let state = seed;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state % below;
  }
}

const cases: [text: string, maxBytes: number, lines: string[]][] = [
  ["", 8, []],
  ["\n", 8, [""]],
  ["a\nb\n", 8, ["a", "b"]],
  ["a\nb", 8, ["a", "b"]],
  ["\na\n\nb\n\n", 8, ["", "a", "", "b", ""]],
  ["a\r\nb\r", 8, ["a\r", "b\r"]],
  ["12345678\nb", 8, ["12345678", "b"]],
  ["b\n12345678", 8, ["b", "12345678"]],
  ["123456789\nb", 8, ["too long: 12345678"]],
  ["b\n123456789", 8, ["b", "too long: 12345678"]],
  ["1234567890123456789", 8, ["too long: 12345678"]],
  ["a\nbad\nb\n", 8, ["a", "bad"]],
  ["a\nbad", 8, ["a", "bad"]],
  ["ä\nö", 2, ["ä", "ö"]],
  ["ab\n", 1, ["too long: a"]],
];

for (const [text, maxBytes, lines] of cases) {
  Deno.test(`LineSplitter cuts ${JSON.stringify(text)} with at most ${maxBytes} bytes, however it is chunked`, () => {
    for (let size = 1; size <= text.length + 1; size++) {
      assert.deepEqual(split(text, maxBytes, always(size)), lines, `chunks of ${size} bytes`);
    }
  });
}

Deno.test("LineSplitter gives the same lines for any chunking", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const numbers = random(seed, 400);
    const lines = Array.from({ length: 40 }, () => "x".repeat(numbers.next().value! >> (seed % 9)));
    const maxBytes = 50 + seed;
    const tooLong = lines.findIndex((line) => line.length > maxBytes);
    const expected = tooLong < 0 ? lines.slice() : lines.slice(0, tooLong);
    if (tooLong >= 0) expected.push(`too long: ${"x".repeat(maxBytes)}`);
    else if (expected.at(-1) === "") expected.pop(); // nothing behind the last LF is no line
    const text = lines.join("\n");
    assert.deepEqual(split(text, maxBytes, always(text.length + 1)), expected, `seed ${seed}, whole`);
    assert.deepEqual(split(text, maxBytes, random(seed, 1 + seed)), expected, `seed ${seed}, cut at random`);
  }
});

Deno.test("LineSplitter does not copy a line that lies within a chunk", () => {
  const seen: [same: boolean, start: number, end: number][] = [];
  let chunk = new Uint8Array();
  const splitter = new LineSplitter(64, {
    onLine: (bytes, start, end) => (seen.push([bytes === chunk, start, end]), true),
    onTooLong: () => assert.fail(),
  });
  const push = (text: string) => splitter.push(chunk = new TextEncoder().encode(text));
  assert.equal(push("ab\ncd\ne"), 2);
  assert.equal(push("f\ngh\n"), 2);
  assert.deepEqual(seen, [[true, 0, 2], [true, 3, 5], [false, 0, 2], [true, 2, 4]]);
});

Deno.test("LineSplitter looks at nothing behind a refused line, and says so once", () => {
  const { splitter, given } = recorder(4);
  assert.equal(splitter.stopped, false);
  splitter.push(new TextEncoder().encode("12345"));
  assert.equal(splitter.stopped, true);
  assert.equal(splitter.push(new TextEncoder().encode("6\na\n123456")), 0);
  splitter.end();
  splitter.end();
  assert.deepEqual(given, ["too long: 1234"]);
});
