import assert from "node:assert/strict";
import { type Expected, Oracle } from "./oracle.ts";

/** Ids of a request, and whether it was answered. */
type Stored = readonly [ids: number[], answered: boolean];

function told(accepted: number[], stored: readonly Stored[], signals: readonly string[][] = [["stored"]]): Oracle {
  const oracle = new Oracle();
  oracle.accept(accepted);
  stored.forEach(([ids, answered], at) =>
    oracle.store({ ids, connection: "a/1", atMs: at * 10, ...(answered ? { answeredMs: at * 10 + 1 } : {}) })
  );
  signals.forEach((kinds, number) => {
    oracle.publish(number);
    for (const kind of kinds) oracle.signal(number, kind);
  });
  return oracle;
}

const fits: [what: string, oracle: Oracle, expected: Expected][] = [
  ["each event once", told([1, 2, 3], [[[1, 2], true], [[3], true]]), {}],
  ["an event that was given up", told([1, 2], [[[1], true]]), { gone: new Set([2]) }],
  ["a repeat of what nobody answered", told([1, 2], [[[1, 2], false], [[1, 2], true]]), { repeats: "unanswered" }],
  ["a repeat behind an answer that came too late", told([1], [[[1], true], [[1], true]]), {
    repeats: "unanswered",
    unheardAnswers: 1,
  }],
];
for (const [what, oracle, expected] of fits) {
  Deno.test(`Oracle.findings() has nothing against ${what}`, () => assert.deepEqual(oracle.findings(expected), []));
}

const found: [what: string, oracle: Oracle, expected: Expected, finding: RegExp][] = [
  ["a lost event", told([1, 2, 3], [[[1, 3], true]]), {}, /^1 events are lost: 2$/],
  ["an event of nobody", told([1], [[[1, 9], true]]), {}, /never sent: 9$/],
  ["a repeat where there is to be none", told([1, 2], [[[1, 2], false], [[2], true]]), {}, /^1 events came again: 2$/],
  ["a repeat behind an answer", told([1, 2], [[[1, 2], true], [[2], true]]), { repeats: "unanswered" }, /answered: 2$/],
  ["a rejected event that arrived", told([1], [[[1], true]]), { gone: new Set([1]) }, /given up: 1$/],
  ["two signals", told([1], [[[1], true]], [["completed", "failed"]]), {}, /signalled 2 times \(completed,failed\)/],
  ["no signal", told([1], [[[1], true]], [[]]), {}, /publish 0 was signalled 0 times/],
];
for (const [what, oracle, expected, finding] of found) {
  Deno.test(`Oracle.findings() finds ${what}`, () => assert.match(oracle.findings(expected).join("\n"), finding));
}
