import assert from "node:assert/strict";
import { UsageError } from "./command.ts";
import { type EmitFlag, readEmitFlags } from "./emit_flags.ts";

const accepted: [argv: string[], given: Partial<Record<EmitFlag, string>>, rest: string[]][] = [
  [[], {}, []],
  [["-name", "a", "-count", "-3"], { name: "a", count: "-3" }, []],
  [["--name", "a", "--gauge=-1.5"], { name: "a", gauge: "-1.5" }, []],
  [["-name=a=b", "-set", "-name"], { name: "a=b", set: "-name" }, []],
  [["-set="], { set: "" }, []],
  [["-set", ""], { set: "" }, []],
  [["-set", "--"], { set: "--" }, []],
  [["-set=two\nlines"], { set: "two\nlines" }, []],
  [["-count", "1", "-count", "2"], { count: "2" }, []],
  [["-debug", "-ssf=false", "-indicator=T", "-error=0"], {
    debug: "true",
    ssf: "false",
    indicator: "true",
    error: "false",
  }, []],
  [["-mode", "event", "-e_title", "t", "-tag", "a"], { mode: "event", e_title: "t", tag: "a" }, []],
  [["-command", "-name", "x", "sleep", "1"], { command: "true", name: "x" }, ["sleep", "1"]],
  [["-command", "-name", "x", "--", "sleep", "1"], { command: "true", name: "x" }, ["sleep", "1"]],
  [["-command", "ls", "-name", "x", "--", "tag"], { command: "true" }, ["ls", "-name", "x", "--", "tag"]],
  [["-command", "--", "name", "-x"], { command: "true" }, ["name", "-x"]],
  [["-command", "-", "x"], { command: "true" }, ["-", "x"]],
  [["-command", "--"], { command: "true" }, []],
  [["-name", "a", "--"], { name: "a" }, []],
];
for (const [argv, given, rest] of accepted) {
  Deno.test(`readEmitFlags() reads ${JSON.stringify(argv)}`, () => {
    const flags = readEmitFlags(argv);
    assert.deepEqual(Object.fromEntries(flags.given), given);
    assert.deepEqual(flags.rest, rest);
    assert.equal(flags.help, false);
  });
}

const refused: [argv: string[], message: RegExp][] = [
  [["-nmae", "a"], /no such flag, did you mean -name\?/],
  [["-zzzzzzzz"], /no such flag$/],
  [["---name", "a"], /no such flag/],
  [["-toString"], /no such flag/],
  [["-name"], /Cannot use -name: it needs a value/],
  [["-debug=yes"], /write true or false/],
  [["-debug="], /write true or false/],
  [["-debug", "false"], /Cannot use false: there is nothing to do with it without -command/],
  [["-mode", "log"], /write metric, event or sc/],
  [["-mode", "event", "-name", "a"], /Cannot use -name with -mode event: it is a flag of -mode metric/],
  [["-mode", "event", "-ssf"], /Cannot use -ssf with -mode event/],
  [["-ssf", "-mode=sc"], /Cannot use -ssf with -mode sc/],
  [["-mode", "sc", "-e_title", "a"], /it is a flag of -mode event/],
  [["-sc_name", "a"], /it is a flag of -mode sc/],
  [["-name", "a", "count", "1"], /Cannot use count: it is a flag's name, write -count$/],
  [["-name", "a", "--", "count"], /write -count$/],
  [["-command", "name", "x"], /write -name, or -- name for a command/],
  [["-name", "a", "--", "sleep", "1"], /Cannot use sleep: there is nothing to do with it without -command/],
];
for (const [argv, message] of refused) {
  Deno.test(`readEmitFlags() refuses ${JSON.stringify(argv)}`, () => {
    assert.throws(() => readEmitFlags(argv), (error) => error instanceof UsageError && message.test(error.message));
  });
}

for (const argv of [["-help"], ["--help", "name"], ["-h"], ["-mode", "log", "-help"]]) {
  Deno.test(`readEmitFlags() takes ${JSON.stringify(argv)} for a call for help`, () => {
    assert.equal(readEmitFlags(argv).help, true);
  });
}
Deno.test("readEmitFlags() leaves the command its own --help", () => {
  assert.equal(readEmitFlags(["-command", "-name", "x", "ls", "--help"]).help, false);
});
