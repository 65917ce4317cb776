import assert from "node:assert/strict";
import { type Command, UsageError } from "./command.ts";
import { commandGroup } from "./command_group.ts";

/** A group of one command that notes what it is given, and does as it is told. */
function groupOf(run: Command["run"], more: Partial<Command> = {}): Command {
  const one: Command = {
    name: "one",
    summary: "the one",
    help: "help of one",
    booleans: ["json"],
    strings: ["path"],
    run,
    ...more,
  };
  return commandGroup("things", "some things", [one]);
}

Deno.test("commandGroup() runs the command that is named, with flags of its own", async () => {
  const seen: unknown[] = [];
  const group = groupOf(({ json, path, _ }) => {
    seen.push([json, path, _]);
    return 7;
  });
  assert.equal(await group.run({ _: ["one", "--json", "-path", "p", "rest"] }), 7);
  assert.deepEqual(seen, [[true, "p", ["rest"]]]);
});

Deno.test("commandGroup() lists its commands, also where none is named; that is wrong usage", async () => {
  const group = groupOf(() => assert.fail());
  assert.match(group.help, /^limier things COMMAND \[flags\]\n\n {2}one {2}the one\n/);
  assert.equal(await group.run({ _: [] }), 2);
  for (const flag of ["--help", "-h", "help"]) assert.equal(await group.run({ _: [flag] }), 0);
  assert.equal(await group.run({ _: ["one", "--help"] }), 0);
});

Deno.test("commandGroup() refuses a command that it does not have", async () => {
  const group = groupOf(() => assert.fail());
  await assert.rejects(async () => await group.run({ _: ["two"] }), (error) => {
    return error instanceof UsageError && error.message === "Cannot run things two: write one of one";
  });
});

Deno.test("commandGroup() ends with the command's code for wrong usage", async () => {
  const refuse = () => {
    throw new UsageError("Cannot: do otherwise");
  };
  assert.equal(await groupOf(refuse).run({ _: ["one"] }), 2);
  assert.equal(await groupOf(refuse, { usageExit: 1 }).run({ _: ["one"] }), 1);
  assert.equal(await groupOf(() => assert.fail(), { usageExit: 1 }).run({ _: ["one", "--jsn"] }), 1);
});

Deno.test("commandGroup() ends with 0 when its output is closed, and throws what else is thrown", async () => {
  const closed = groupOf(() => {
    throw new Deno.errors.BrokenPipe("closed");
  });
  assert.equal(await closed.run({ _: ["one"] }), 0);
  const broken = groupOf(() => {
    throw new RangeError("broken");
  });
  await assert.rejects(async () => await broken.run({ _: ["one"] }), RangeError);
});
