import assert from "node:assert/strict";
import type { Running } from "../clock/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { SideSource } from "./side_source.ts";

interface Named extends Running {
  readonly name: string;
}

/** A source whose configuration is its name: "" asks for none, and those that start with ! can't be used. */
function sourceWith() {
  const happened: string[] = [];
  const reporter = recordingReporter();
  const failures: unknown[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const source = new SideSource<string, Named>({
    section: "test",
    reporter,
    isSame: (a, b) => a === b,
    onFailed: (error) => void failures.push(error),
    start: (name) => {
      if (name === "") return Promise.resolve(undefined);
      if (name.startsWith("!")) return Promise.reject(new Error(`no ${name}`));
      happened.push(`start ${name}`);
      const end = Promise.withResolvers<void>();
      ends.set(name, end);
      return Promise.resolve({
        name,
        done: end.promise,
        [Symbol.asyncDispose]: () => Promise.resolve(void happened.push(`stop ${name}`)),
      });
    },
  });
  return { source, happened, reporter, failures, ends };
}

const replacements: [before: string, changed: string, inForce: string, happened: string[]][] = [
  ["a", "a", "a", []],
  ["a", "b", "b", ["stop a", "start b"]],
  ["a", "", "", ["stop a"]],
  ["", "b", "b", ["start b"]],
  ["a", "!b", "a", ["stop a", "start a"]],
  ["", "!b", "", []],
];
for (const [before, changed, inForce, expected] of replacements) {
  Deno.test(`SideSource.replace() of "${before}" by "${changed}" leaves "${inForce}"`, async () => {
    const { source, happened, reporter } = sourceWith();
    await source.start(before);
    happened.length = 0;
    assert.equal(await source.replace(before, changed), inForce);
    assert.deepEqual(happened, expected);
    assert.equal(source.running?.name ?? "", inForce);
    const said = reporter.lines.map(({ message }) => message);
    const back = ["Cannot use the changed test section, going back to the old one"];
    assert.deepEqual(said, changed.startsWith("!") ? back : []);
  });
}

Deno.test("SideSource.start() throws what the source throws, and there is none", async () => {
  const { source } = sourceWith();
  await assert.rejects(source.start("!a"), /no !a/);
  assert.equal(source.running, undefined);
});

Deno.test("SideSource tells of a source that stops by an error", async () => {
  const { source, failures, ends } = sourceWith();
  await source.start("a");
  ends.get("a")!.reject(new Error("broken"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual(failures.map(String), ["Error: broken"]);
});

Deno.test("disposing of a SideSource twice stops it once", async () => {
  const { source, happened } = sourceWith();
  await source.start("a");
  await source[Symbol.asyncDispose]();
  await source[Symbol.asyncDispose]();
  assert.deepEqual(happened, ["start a", "stop a"]);
});
