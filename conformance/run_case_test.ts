import assert from "node:assert/strict";
import type { Engine } from "./engine.ts";
import type { Fixture } from "./fixture.ts";
import { type Golden, parseGolden } from "./golden.ts";
import { isRunnable, runCase, updatedGolden } from "./run_case.ts";

/** Decodes each line to its length and answers each datagram of a scenario with a point; `!` makes it throw. */
const scripted: Engine = {
  decode(_protocol, { bytes }) {
    const text = new TextDecoder().decode(bytes);
    if (text.includes("!")) return Promise.reject(new RangeError("Cannot decode: told to fail"));
    if (text.endsWith("?")) return Promise.resolve(["{}"]);
    return Promise.resolve(text.split("\n").map((line) => `{"kind":"line","length":${line.length}}`));
  },
  feed(_protocol, _config, scenario) {
    return Promise.resolve(
      scenario.map((_, i) => `{"at":10,"kind":"point","name":"p${scenario.length - i}","value":0.3}`),
    );
  },
};

function fixture(text: string, expect: Golden["expect"], scenario?: string[]): Fixture {
  const golden = { ...parseGolden('{"why":"w","source":"s","expect":{"live":[]}}', "x.json"), expect };
  const input = { bytes: new TextEncoder().encode(text), hex: false };
  return { protocol: "p", name: "x", goldenPath: "x.json", golden, input, ...(scenario && { scenario }) };
}

const LINES = [{ kind: "line", length: 1 }, { kind: "line", length: 2 }];
const options = { engine: scripted, cuts: true };

Deno.test("runCase() passes what the engine prints", async () => {
  const { failure, durationMs } = await runCase(fixture("a\nbc", { decode: LINES }), options);
  assert.equal(failure, undefined);
  assert.ok(durationMs >= 0);
});

Deno.test("runCase() tells the stage and the first difference", async () => {
  const { failure } = await runCase(fixture("a\nbcd", { decode: LINES }), options);
  assert.equal(failure?.stage, "decode");
  assert.deepEqual(failure?.difference, { path: "[1].length", expected: LINES[1], got: { kind: "line", length: 3 } });
});

Deno.test("runCase() compares what was fed after what was decoded", async () => {
  const points = [1, 2].map((i) => ({ at: 10, kind: "point", name: `p${i}`, value: 0.1 + 0.2 }));
  const both = fixture("a\nbc", { decode: LINES, feed: points }, ['{"at":1}', '{"at":2}']);
  assert.equal((await runCase(both, options)).failure, undefined);
  const wrong = fixture("a\nbc", { decode: LINES, feed: points.slice(1) }, ['{"at":1}', '{"at":2}']);
  assert.equal((await runCase(wrong, options)).failure?.stage, "feed");
});

Deno.test("runCase() fails a case whose engine throws", async () => {
  const { failure } = await runCase(fixture("!", { decode: LINES }), options);
  assert.deepEqual(failure, { stage: "decode", message: "RangeError: Cannot decode: told to fail" });
});

Deno.test("runCase() decodes the input cut at every byte", async () => {
  const cut = fixture("a?b", { decode: [{ kind: "line", length: 3 }] });
  const { failure } = await runCase(cut, options);
  assert.equal(failure?.stage, "cut");
  assert.equal(failure?.difference?.path, "cut at 2");
  assert.equal((await runCase(cut, { engine: scripted, cuts: false })).failure, undefined);
});

Deno.test("runCase() runs the live stage where there is one", async () => {
  const live = () => Promise.resolve({ path: "[0]", got: 1 });
  const decoded = fixture("a\nbc", { decode: LINES });
  const both = { ...decoded, golden: { ...decoded.golden, options: { live: "udp" as const } } };
  assert.equal((await runCase(both, { ...options, live })).failure?.stage, "live");
  assert.equal((await runCase(decoded, { ...options, live })).failure, undefined);
  assert.equal((await runCase(both, options)).failure, undefined);
});

Deno.test("isRunnable() leaves out what only a live agent can do", () => {
  const live = () => Promise.resolve(null);
  assert.equal(isRunnable(fixture("", { live: [] }), {}), false);
  assert.equal(isRunnable(fixture("", { live: [] }), { live }), true);
  assert.equal(isRunnable(fixture("", { decode: [] }), {}), true);
});

Deno.test("updatedGolden() leaves a golden that holds", async () => {
  assert.equal(await updatedGolden(fixture("a\nbc", { decode: LINES }), options), null);
  const near = fixture("a", { decode: [{ kind: "line", length: { $near: 1, $within: 0.1 } }] });
  assert.equal(await updatedGolden(near, options), null);
});

Deno.test("updatedGolden() takes over what the engine prints and keeps the golden's words that hold", async () => {
  const near = { kind: "line", length: { $near: 1, $within: 0.1 } };
  const updated = await updatedGolden(fixture("a\nbcd", { decode: [near, LINES[1]!] }), options);
  assert.deepEqual(parseGolden(updated ?? "", "x.json").expect, { decode: [near, { kind: "line", length: 3 }] });
});

Deno.test("updatedGolden() writes errors without their text", async () => {
  const engine: Engine = { ...scripted, decode: () => Promise.resolve(['{"kind":"error","code":"x","message":"m"}']) };
  const updated = await updatedGolden(fixture("a", { decode: [] }), { engine });
  assert.deepEqual(parseGolden(updated ?? "", "x.json").expect, { decode: [{ kind: "error", code: "x" }] });
});
