import assert from "node:assert/strict";
import { newRingKeys, type TagMatcher } from "./ring_key.ts";

const keys: [ignore: TagMatcher[], name: string, type: string, tags: string[], key: string][] = [
  [[], "req.ms", "timer", ["a:1"], "req.mstimera:1"],
  [[], "page.views", "Counter", [], "page.viewscounter"],
  [[], "lat.histo", "histogram", ["host:h1", "svc:api"], "lat.histohistogramhost:h1,svc:api"],
  [[{ kind: "exact", value: "host:h1" }], "a", "set", ["host:h1", "host:h12"], "asethost:h12"],
  [[{ kind: "prefix", value: "host:" }], "a", "set", ["env:prod", "host:h1"], "asetenv:prod"],
  [[{ kind: "regex", value: "^pod-\\d+$" }], "a", "gauge", ["pod-12", "pod-x"], "agaugepod-x"],
  [[{ kind: "regex", value: "od" }, { kind: "exact", value: "x" }], "a", "gauge", ["pod:1", "x"], "agauge"],
];
for (const [ignore, name, type, tags, key] of keys) {
  const without = ignore.map(({ kind, value }) => ` without ${kind} ${value}`).join("");
  Deno.test(`keyOf() writes ${name} ${type} [${tags}]${without} as ${key}`, () => {
    assert.equal(newRingKeys(ignore).keyOf(name, type, tags), key);
  });
}

Deno.test("newRingKeys() refuses what is no regular expression", () => {
  assert.throws(() => newRingKeys([{ kind: "regex", value: "(" }]), SyntaxError);
});
