import assert from "node:assert/strict";
import { readDocument } from "../config/mod.ts";
import type { VeneurType } from "./veneur_keys.ts";
import { isBlank, parseVeneurVariable, readVeneurValue, veneurVariable } from "./veneur_values.ts";

function read(text: string, type: VeneurType): unknown {
  return readVeneurValue(readDocument(`a: ${text}\n`, "f.yaml", { expand: false }), "a", type);
}

const accepted: [type: VeneurType, text: string, value: unknown][] = [
  ["string", "text", "text"],
  ["string", "${NAME}", "${NAME}"],
  ["string", "", undefined],
  ["string", "~", undefined],
  ["string", '""', ""],
  ["string", "12", "12"],
  ["string", "0012", "0012"],
  ["string", "1e10", "1e10"],
  ["string", "true", "true"],
  ["string", "2020-01-01", "2020-01-01"],
  ["secret", "00000000000000000000000000001234", "00000000000000000000000000001234"],
  ["secret", "12345678901234567890123456789012", "12345678901234567890123456789012"],
  ["bool", "true", true],
  ["bool", "yes", true],
  ["bool", "Off", false],
  ["int", "5", 5],
  ["int", "-5", -5],
  ["int", "0x10", 16],
  ["int", "100.0", 100],
  ["float", "0.5", 0.5],
  ["float", "1", 1],
  ["duration", "10s", "10s"],
  ["duration", "1h1h", "1h1h"],
  ["duration", "-10s", "-10s"],
  ["duration", '""', ""],
  ["duration", "0s", ""],
  ["strings", "[a, b]", ["a", "b"]],
  ["strings", '["", a]', ["a"]],
  ["strings", "[1, 0x10, yes, ~]", ["1", "0x10", "yes"]],
  ["strings", "[]", []],
  ["floats", "[0.5, 1]", [0.5, 1]],
];
for (const [type, text, value] of accepted) {
  Deno.test(`readVeneurValue() reads the ${type} ${text}`, () => assert.deepEqual(read(text, type), value));
}

const refused: [type: VeneurType, text: string][] = [
  ["string", "[a]"],
  ["string", "{a: b}"],
  ["bool", "1"],
  ["bool", "maybe"],
  ["bool", '"True"'],
  ["int", '"5"'],
  ["int", "0.5"],
  ["int", "1e300"],
  ["int", "true"],
  ["int", "[5]"],
  ["float", '"0.5"'],
  ["float", ".nan"],
  ["duration", "10"],
  ["duration", "1d"],
  ["duration", "1 s"],
  ["duration", "[1s]"],
  ["strings", "a"],
  ["strings", "a,b"],
  ["strings", "[[a]]"],
  ["strings", "{a: b}"],
  ["floats", "0.5"],
  ["floats", "[0.5, x]"],
  ["list", "a"],
  ["list", "[a]"],
];
for (const [type, text] of refused) {
  Deno.test(`readVeneurValue() refuses the ${type} ${text}`, () => {
    assert.throws(() => read(text, type), { name: "ConfigError", message: /^f\.yaml:1:\d+: Cannot use a.* = / });
  });
}

const variables: [type: VeneurType, text: string, value: unknown][] = [
  ["string", "", ""],
  ["string", "a,b", "a,b"],
  ["bool", "1", true],
  ["bool", "t", true],
  ["bool", "TRUE", true],
  ["bool", "False", false],
  ["bool", "0", false],
  ["bool", "yes", undefined],
  ["bool", "tRUE", undefined],
  ["bool", "", undefined],
  ["int", "12", 12],
  ["int", "-12", -12],
  ["int", "+0x10", 16],
  ["int", "-0x10", -16],
  ["int", "", undefined],
  ["int", "1.0", undefined],
  ["int", "x", undefined],
  ["float", "0.5", 0.5],
  ["float", ".5", 0.5],
  ["float", "1e2", 100],
  ["float", "NaN", undefined],
  ["float", "", undefined],
  ["duration", "1m30s", "1m30s"],
  ["duration", "90", undefined],
  ["strings", "a:b,c", ["a:b", "c"]],
  ["strings", "", []],
  ["strings", "a", ["a"]],
  ["floats", "0.5, 0.99", [0.5, 0.99]],
  ["floats", " ", []],
  ["floats", "0.5,x", undefined],
  ["floats", "0.5,,1", undefined],
  ["list", "a", undefined],
];
for (const [type, text, value] of variables) {
  Deno.test(`parseVeneurVariable() of the ${type} "${text}" is ${JSON.stringify(value)}`, () => {
    const got = parseVeneurVariable(text, type);
    if (value === undefined) assert.ok("want" in got);
    else assert.deepEqual(got, { value });
  });
}

const found: [variable: string, prefix: string, key: string][] = [
  ["VENEUR_DATADOGAPIHOSTNAME", "VENEUR", "datadog_api_hostname"],
  ["VENEUR_DATADOG_API_HOSTNAME", "VENEUR", "datadog_api_hostname"],
  ["VENEUR_VENEURMETRICSSCOPES_COUNTER", "VENEUR", "veneur_metrics_scopes.counter"],
  ["VENEUR_VENEUR_METRICS_SCOPES_COUNTER", "VENEUR", "veneur_metrics_scopes.counter"],
  ["VENEUR_HTTP_CONFIG", "VENEUR", "http.config"],
  ["MY_SINK_APIKEY", "my-sink", "api_key"],
];
for (const [variable, prefix, key] of found) {
  Deno.test(`veneurVariable() finds ${variable}`, () => {
    assert.deepEqual(veneurVariable({ [variable]: "x" }, prefix, key), { name: variable, text: "x" });
  });
}

Deno.test("veneurVariable() prefers Veneur's own spelling", () => {
  const env = { VENEUR_NUM_WORKERS: "1", VENEUR_NUMWORKERS: "2" };
  assert.deepEqual(veneurVariable(env, "VENEUR", "num_workers"), { name: "VENEUR_NUMWORKERS", text: "2" });
  assert.equal(veneurVariable(env, "VENEUR", "num_readers"), undefined);
});

Deno.test("isBlank() is not about flags", () => {
  for (const value of ["", 0, [], undefined]) assert.ok(isBlank(value));
  for (const value of ["0", 1, ["a"], false, true]) assert.ok(!isBlank(value));
});
