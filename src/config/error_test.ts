import assert from "node:assert/strict";
import { ConfigError, ConfigErrors } from "./error.ts";

const at = { file: "limier.yaml", line: 3, column: 13 };

Deno.test("ConfigError says where, and what to write", () => {
  const error = new ConfigError(at, "statsd.interval", "0s", "a duration of 1s or more");
  assert.equal(
    error.message,
    'limier.yaml:3:13: Cannot use statsd.interval = "0s": write a duration of 1s or more',
  );
  assert.ok(error instanceof RangeError);
  assert.equal(error.code, "config.invalid");
  assert.equal(error.name, "ConfigError");
  assert.equal(error.path, "statsd.interval");
  assert.equal(error.value, "0s");
});

Deno.test("ConfigError names a variable instead of a line", () => {
  const error = new ConfigError({ file: "LIMIER_A", line: 0, column: 0 }, "a", 1, "text");
  assert.equal(error.message, "LIMIER_A: Cannot use a = 1: write text");
});

const shown: [path: string, value: unknown, shown: string][] = [
  ["outputs[0].key", "abc", "REDACTED"],
  ["outputs[0].key", "", '""'],
  ["keys.password[3]", "abc", "REDACTED"],
  ["secrets.any", { a: "abc" }, "REDACTED"],
  ["a.key_file", "abc", '"abc"'],
  ["a", { token: "abc", b: 1 }, '{"token":"REDACTED","b":1}'],
  ["a", "http://u:abc@h", '"http://u:REDACTED@h"'],
  ["a", null, "null"],
  ["a", NaN, "NaN"],
  ["a", "x".repeat(1000), `"${"x".repeat(78)}…`],
];
for (const [path, value, text] of shown) {
  Deno.test(`ConfigError shows ${path} = ${text.slice(0, 40)}`, () => {
    const error = new ConfigError(at, path, value, "that");
    assert.equal(error.message, `limier.yaml:3:13: Cannot use ${path} = ${text}: write that`);
    if (text === "REDACTED") assert.ok(!Deno.inspect(error).includes("abc"), "nor when the error is printed");
  });
}

Deno.test("ConfigError of a setting that is missing", () => {
  const error = new ConfigError(at, "outputs[0].hosts", undefined, "a list of URLs");
  assert.equal(error.message, "limier.yaml:3:13: Cannot do without outputs[0].hosts: write a list of URLs");
});

Deno.test("ConfigErrors has a line for each", () => {
  const errors = [new ConfigError(at, "a", 1, "b"), new ConfigError(at, "c", 2, "d")];
  const all = new ConfigErrors(errors);
  assert.deepEqual(all.errors, errors);
  assert.equal(all.message, `${errors[0]!.message}\n${errors[1]!.message}`);
});
