import assert from "node:assert/strict";
import { readDocument } from "./document.ts";
import { ConfigError } from "./error.ts";
import type { Section } from "./section.ts";

const env = { NAME: "web1", N: "7", ON: "true", EMPTY: "", YAML: "{a: 1}", NULL: "null", NESTED: "${NAME}" };

const expanded: [text: string, value: string][] = [
  ["${NAME}", "web1"],
  ["a-${NAME}-${N}", "a-web1-7"],
  ["$${NAME}", "${NAME}"],
  ["$$${NAME}", "$${NAME}"],
  ["${EMPTY}", ""],
  ["${YAML}", "{a: 1}"],
  ["${NULL}", "null"],
  ["${N}", "7"],
  ["${NESTED}", "${NAME}"],
  ["$NAME", "$NAME"],
  ["}${NAME}", "}web1"],
  ["a $ b", "a $ b"],
];
for (const [text, value] of expanded) {
  Deno.test(`readDocument() reads ${text} as ${value}`, () => {
    assert.equal(readDocument(`a: "${text}"\n`, "f.yaml", { env }).string("a"), value);
  });
}

Deno.test("readDocument() expands in lists, flow style and aliases, after parsing, and not in keys", () => {
  const text = 'a: &x ["${NAME}", {b: "${YAML}"}]\nc: *x\n"${NAME}": 1\n';
  const root = readDocument(text, "f.yaml", { env });
  assert.deepEqual(root.toObject(), {
    a: ["web1", { b: "{a: 1}" }],
    c: ["web1", { b: "{a: 1}" }],
    "${NAME}": 1,
  });
});

Deno.test("readDocument() lets a variable alone be a number or a flag", () => {
  const root = readDocument('n: "${N}"\non: "${ON}"\nd: "${N}s"\n', "f.yaml", { env });
  assert.equal(root.integer("n"), 7);
  assert.equal(root.string("n"), "7");
  assert.equal(root.boolean("on"), true);
  assert.equal(root.duration("d"), 7000);
});

Deno.test("readDocument() leaves ${NAME} alone where it means nothing", () => {
  assert.equal(readDocument('a: "${NO}"\n', "f.yaml", { expand: false }).string("a"), "${NO}");
});

const unexpanded: [text: string, message: string][] = [
  ["${NO}", "f.yaml:2:6: Cannot read a.b: the environment has no NO"],
  ["x ${NO} y", "f.yaml:2:6: Cannot read a.b: the environment has no NO"],
  ["${NO", "f.yaml:2:6: Cannot read a.b: write ${NAME} for a variable, or $${ for the letters"],
  ["${}", "f.yaml:2:6: Cannot read a.b: write ${NAME} for a variable, or $${ for the letters"],
  ["${N:-1}", "f.yaml:2:6: Cannot read a.b: write ${NAME} for a variable, or $${ for the letters"],
];
for (const [text, message] of unexpanded) {
  Deno.test(`readDocument() refuses ${text}`, () => {
    assert.throws(() => readDocument(`a:\n  b: "${text}"\n`, "f.yaml", { env }), { name: "ConfigError", message });
  });
}

const file =
  "statsd:\n  interval: 10s\n  tags: [a, b]\noutputs:\n- name: one\n- name: two\nlag: {clusters: {My-Kafka: {}}}\n";

function overridden(env: Record<string, string>): Section {
  return readDocument(file, "f.yaml", { env, prefix: "LIMIER" });
}

const overrides: [name: string, value: string, read: (root: Section) => unknown, expected: unknown][] = [
  ["LIMIER_STATSD__INTERVAL", "5s", (root) => root.section("statsd").duration("interval"), 5000],
  ["LIMIER_STATSD__NUM_READERS", "2", (root) => root.section("statsd").integer("num_readers"), 2],
  ["LIMIER_STATSD__HOSTNAME", "12", (root) => root.section("statsd").string("hostname"), "12"],
  ["LIMIER_STATSD__HOSTNAME", "0012", (root) => root.section("statsd").string("hostname"), "0012"],
  ["LIMIER_STATSD__HOSTNAME", "a: b: c", (root) => root.section("statsd").string("hostname"), "a: b: c"],
  ["LIMIER_STATSD__HOSTNAME", "${HOME}", (root) => root.section("statsd").string("hostname"), "${HOME}"],
  ["LIMIER_STATSD__HOSTNAME", "null", (root) => root.section("statsd").string("hostname"), undefined],
  ["LIMIER_STATSD__HOSTNAME", "", (root) => root.section("statsd").string("hostname"), ""],
  ["LIMIER_STATSD__HOSTNAME", "[x]", (root) => root.section("statsd").string("hostname"), "[x]"],
  ["LIMIER_STATSD__FLAG", "true", (root) => root.section("statsd").boolean("flag"), true],
  ["LIMIER_STATSD__TAGS__1", "c", (root) => root.section("statsd").strings("tags"), ["a", "c"]],
  ["LIMIER_STATSD__TAGS__2", "3", (root) => root.section("statsd").strings("tags"), ["a", "b", "3"]],
  ["LIMIER_STATSD__TAGS", "[c, d]", (root) => root.section("statsd").strings("tags"), ["c", "d"]],
  ["LIMIER_STATSD__PERCENTILES", "[0.5, 1]", (root) => root.section("statsd").numbers("percentiles"), [0.5, 1]],
  ["LIMIER_STATSD__PERCENTILES__0", "0.5", (root) => root.section("statsd").numbers("percentiles"), [0.5]],
  ["LIMIER_OUTPUTS__1__KEY", "k", (root) => root.sections("outputs")[1]!.secret("key"), "k"],
  ["LIMIER_OUTPUTS__2__NAME", "x", (root) => root.sections("outputs")[2]!.string("name"), "x"],
  ["LIMIER_LOG_LEVEL", "debug", (root) => root.string("log_level"), "debug"],
  ["LIMIER_LAG__CLUSTERS__MY_KAFKA__TOPIC", "t", (root) => Object.keys(root.section("lag").map("x") ?? {}), []],
  [
    "LIMIER_LAG__CLUSTERS__MY_KAFKA__TOPIC",
    "t",
    (root) => root.section("lag").section("clusters").toObject(),
    { "My-Kafka": { topic: "t" } },
  ],
  ["LIMIER_PORT_8125_UDP_ADDR", "10.0.0.1", (root) => root.keys(), ["statsd", "outputs", "lag"]],
  ["LIMIER_SERVICE_HOST", "10.0.0.1", (root) => root.keys(), ["statsd", "outputs", "lag"]],
  ["LIMIERX_A", "b", (root) => root.keys(), ["statsd", "outputs", "lag"]],
];
for (const [name, value, read, expected] of overrides) {
  Deno.test(`readDocument() with ${name}=${value} gives ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(read(overridden({ [name]: value })), expected);
  });
}

Deno.test("readDocument() takes the entries of a list in the order of their numbers", () => {
  const names = Array.from({ length: 12 }, (_, i) => [`LIMIER_LIST__${i}`, `v${i}`]);
  const root = overridden(Object.fromEntries(names.reverse()));
  assert.deepEqual(root.strings("list"), Array.from({ length: 12 }, (_, i) => `v${i}`));
});

Deno.test("readDocument() overrides one use of an alias", () => {
  const root = readDocument("a: &x {k: 1}\nb: *x\n", "f.yaml", { env: { LIMIER_B__K: "2" }, prefix: "LIMIER" });
  assert.deepEqual(root.toObject(), { a: { k: 1 }, b: { k: 2 } });
});

Deno.test("readDocument() passes over variables that are no settings", () => {
  const options = { env: { LIMIER_BENCH: "1" }, prefix: "LIMIER", ignoredVariables: ["LIMIER_BENCH"] };
  assert.deepEqual(readDocument("", "f.yaml", options).keys(), []);
});

const refused: [name: string, value: string, message: string][] = [
  [
    "LIMIER_STATSD__INTERVAL__X",
    "1",
    "LIMIER_STATSD__INTERVAL__X: Cannot use LIMIER_STATSD__INTERVAL__X: statsd.interval has no settings of its own",
  ],
  ["LIMIER_OUTPUTS__3__KEY", "1", "LIMIER_OUTPUTS__3__KEY: Cannot use LIMIER_OUTPUTS__3__KEY: outputs has 2 entries"],
  ["LIMIER_OUTPUTS__X", "1", "LIMIER_OUTPUTS__X: Cannot use LIMIER_OUTPUTS__X: outputs has no settings of its own"],
  [
    "LIMIER_STATSD__",
    "1",
    "LIMIER_STATSD__: Cannot use LIMIER_STATSD__: write two underscores between a section and its key, and a key behind them",
  ],
];
for (const [name, value, message] of refused) {
  Deno.test(`readDocument() refuses ${name}`, () => {
    assert.throws(() => overridden({ [name]: value }), { name: "ConfigError", message });
  });
}

Deno.test("an error in an override names the variable, and shows its text", () => {
  const root = overridden({ LIMIER_STATSD__INTERVAL: "5", LIMIER_STATSD__INTERVALL: "5s", LIMIER_NEW__KEY: "1" });
  const statsd = root.section("statsd");
  assert.throws(() => statsd.duration("interval"), {
    message: 'LIMIER_STATSD__INTERVAL: Cannot use statsd.interval = "5": write a duration such as 10s or 1m30s',
  });
  assert.throws(() => statsd.refuseOthers(["interval", "tags"]), {
    message: "LIMIER_STATSD__INTERVALL: Cannot use statsd.intervall: there is no such key; did you mean interval?",
  });
  assert.throws(() => root.refuseOthers(["statsd", "outputs", "lag"]), (error) => {
    assert.ok(error instanceof ConfigError);
    return error.message.startsWith("LIMIER_NEW__KEY: Cannot use new: there is no such key");
  });
});
