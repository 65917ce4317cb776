import assert from "node:assert/strict";
import { addTally, buildDatagrams, mixedLine, type SenderLoad, type Tally, uniqueName } from "./build_datagrams.ts";

const decoder = new TextDecoder();

function texts(load: SenderLoad): string[] {
  return [...load.offsets].map((start, i) => decoder.decode(load.buffer.subarray(start, start + load.lengths[i]!)));
}

function whole(load: SenderLoad): Tally {
  const tally = { lines: 0, counters: 0, gauges: 0, timers: 0, sets: 0, counterTotal: 0 };
  addTally(tally, load, 0, load.offsets.length);
  return tally;
}

/** Counts the lines again, from their text alone. */
function recount(datagrams: string[]): Tally {
  const tally = { lines: 0, counters: 0, gauges: 0, timers: 0, sets: 0, counterTotal: 0 };
  for (const text of datagrams.flatMap((datagram) => datagram.split("\n"))) {
    const match = /^[a-z]+[a-z0-9._]*:(u?[0-9.]+)\|(c|g|ms|s)(\|#env:prod,route:r\d)?$/.exec(text);
    assert.ok(match, text);
    tally.lines++;
    if (match[2] === "c") {
      tally.counters++;
      tally.counterTotal += Number(match[1]);
    } else if (match[2] === "g") tally.gauges++;
    else if (match[2] === "ms") tally.timers++;
    else tally.sets++;
  }
  return tally;
}

for (const shape of ["one", "twenty"] as const) {
  for (const [series, senders] of [[1000, 4], [1000, 1], [7, 3], [1003, 4]] as const) {
    Deno.test(`buildDatagrams() makes ${shape}, ${series} series from ${senders}, and knows what it made`, () => {
      const loads = buildDatagrams({ shape, series, senders });
      assert.equal(loads.length, senders);
      const names = new Map<string, number>();
      for (const [sender, load] of loads.entries()) {
        const datagrams = texts(load);
        assert.deepEqual(whole(load), recount(datagrams));
        const mine = new Map<string, number>();
        for (const datagram of datagrams) {
          const lines = datagram.split("\n");
          assert.equal(lines.length, shape === "one" ? 1 : 20);
          for (const line of lines) {
            const name = line.slice(0, line.indexOf(":"));
            mine.set(name, (mine.get(name) ?? 0) + 1);
            assert.ok(!names.has(name) || names.get(name) === sender, `${name} comes from two senders`);
            names.set(name, sender);
          }
        }
        assert.equal(mine.size, load.series);
        assert.equal(new Set(mine.values()).size, 1); // each series equally often
      }
      assert.equal(names.size, series);
    });
  }
}

Deno.test("mixedLine() gives lines of 35 to 45 bytes, 4 counters, 2 gauges, 3 timers and a set in ten series", () => {
  const types: Record<string, number> = {};
  for (let series = 0; series < 1000; series++) {
    for (let round = 0; round < 40; round++) {
      const { text, type } = mixedLine(series, round);
      assert.ok(text.length >= 35 && text.length <= 45, text);
      types[type] = (types[type] ?? 0) + 1;
    }
  }
  assert.deepEqual(types, { c: 16_000, g: 8_000, ms: 12_000, s: 4_000 });
  assert.equal(mixedLine(123, 5).text, "web.inflight.0123:92.6|g|#env:prod,route:r2");
});

Deno.test("buildDatagrams() makes unique counters, none twice", () => {
  const loads = buildDatagrams({ shape: "unique", series: 10_001, senders: 3, nameBytes: 60 });
  const lines = loads.flatMap(texts).flatMap((datagram) => datagram.split("\n"));
  assert.equal(lines.length, 10_001);
  assert.equal(new Set(lines).size, 10_001);
  assert.ok(lines.every((line) => line.length === 64 && line.endsWith(":1|c")));
  assert.ok(loads.flatMap(texts).every((datagram) => datagram.split("\n").length <= 20));
  for (const load of loads) assert.deepEqual(whole(load), recount(texts(load)));
});

Deno.test("addTally() counts any run of datagrams", () => {
  const [load] = buildDatagrams({ shape: "twenty", series: 30, senders: 1 });
  assert.ok(load);
  for (const [first, count] of [[0, 1], [3, 7], [5, 0]] as const) {
    const tally = { lines: 0, counters: 0, gauges: 0, timers: 0, sets: 0, counterTotal: 0 };
    addTally(tally, load, first, count);
    assert.deepEqual(tally, recount(texts(load).slice(first, first + count)));
  }
});

for (const bytes of [24, 60, 200]) {
  Deno.test(`uniqueName() is ${bytes} bytes long`, () => {
    assert.equal(uniqueName(0, bytes).length, bytes);
    assert.ok(uniqueName(1_499_999, bytes).endsWith("001499999"));
  });
}

for (
  const bad of [
    { shape: "one", series: 3, senders: 4 },
    { shape: "one", series: 10, senders: 0 },
    { shape: "one", series: 1.5, senders: 1 },
    { shape: "unique", series: 10, senders: 1, nameBytes: 23 },
    { shape: "unique", series: 1e9, senders: 1 },
  ] as const
) {
  Deno.test(`buildDatagrams() refuses ${JSON.stringify(bad)}`, () => {
    assert.throws(() => buildDatagrams(bad), RangeError);
  });
}
