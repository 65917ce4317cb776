import assert from "node:assert/strict";
import { readDocument } from "./document.ts";
import { ConfigError, ConfigErrors } from "./error.ts";
import { Section } from "./section.ts";

/** The section that holds `a: TEXT`. */
function of(text: string): Section {
  return readDocument(`a: ${text}\n`, "f.yaml", { env: {} });
}

const accepted: [text: string, getter: string, read: (section: Section) => unknown, expected: unknown][] = [
  ["text", "string", (s) => s.string("a"), "text"],
  ['""', "string", (s) => s.string("a"), ""],
  ["|\n  two\n  lines", "string", (s) => s.string("a"), "two\nlines\n"],
  ["true", "boolean", (s) => s.boolean("a"), true],
  ["false", "boolean", (s) => s.boolean("a"), false],
  ["0", "integer", (s) => s.integer("a"), 0],
  ["-5", "integer", (s) => s.integer("a", { atMost: 0 }), -5],
  ["0x10", "integer", (s) => s.integer("a", { atLeast: 16, atMost: 16 }), 16],
  ["0.5", "number", (s) => s.number("a"), 0.5],
  ["1e3", "number", (s) => s.number("a", { atLeast: 1 }), 1000],
  ["1m30s", "duration", (s) => s.duration("a"), 90_000],
  ["0", "duration", (s) => s.duration("a"), 0],
  ["1s", "duration", (s) => s.duration("a", { atLeast: "1s", atMost: "1s" }), 1000],
  ["-1s", "duration", (s) => s.duration("a", { atLeast: "-2s" }), -1000],
  ["1GiB", "size", (s) => s.size("a"), 1_073_741_824],
  ["2097152", "size", (s) => s.size("a"), 2_097_152],
  ["64KiB", "size", (s) => s.size("a", { atLeast: "64KiB", atMost: "1MiB" }), 65_536],
  ["127.0.0.1:0", "address", (s) => s.address("a"), "127.0.0.1:0"],
  ['"[::1]:8125"', "address", (s) => s.address("a"), "[::1]:8125"],
  ['":8125"', "address", (s) => s.address("a"), ":8125"],
  ['""', "address", (s) => s.address("a"), ""],
  ["udp", "oneOf", (s) => s.oneOf("a", ["tcp", "udp"]), "udp"],
  ["[x, y]", "strings", (s) => s.strings("a"), ["x", "y"]],
  ["[]", "strings", (s) => s.strings("a"), []],
  ["[0.5, 1]", "numbers", (s) => s.numbers("a"), [0.5, 1]],
  ["{x: y, key: z}", "map", (s) => s.map("a"), { x: "y", key: "z" }],
  ["{}", "map", (s) => s.map("a"), {}],
  ["{x: 1}", "section", (s) => s.section("a").integer("x"), 1],
  ["[{x: 1}, ~, {x: 2}]", "sections", (s) => s.sections("a").map((each) => each.integer("x")), [1, undefined, 2]],
  ["{x: {y: 1}, z: }", "entries", (s) => s.section("a").entries().map(([n, e]) => [n, e.integer("y")]), [["x", 1], [
    "z",
    undefined,
  ]]],
];
for (const [text, getter, read, expected] of accepted) {
  Deno.test(`Section.${getter}() reads ${text}`, () => assert.deepEqual(read(of(text)), expected));
}

const getters: [name: string, read: (section: Section) => unknown, absent: unknown][] = [
  ["string", (s) => s.string("a"), undefined],
  ["secret", (s) => s.secret("a"), undefined],
  ["boolean", (s) => s.boolean("a"), undefined],
  ["integer", (s) => s.integer("a", { atLeast: 5 }), undefined],
  ["number", (s) => s.number("a"), undefined],
  ["duration", (s) => s.duration("a", { atLeast: "5s" }), undefined],
  ["size", (s) => s.size("a"), undefined],
  ["address", (s) => s.address("a"), undefined],
  ["oneOf", (s) => s.oneOf("a", ["x"]), undefined],
  ["strings", (s) => s.strings("a"), undefined],
  ["numbers", (s) => s.numbers("a"), undefined],
  ["map", (s) => s.map("a"), undefined],
  ["sections", (s) => s.sections("a"), []],
  ["section", (s) => s.section("a").keys(), []],
];
for (const [name, read, absent] of getters) {
  Deno.test(`Section.${name}() of an absent or an empty key is ${JSON.stringify(absent)}`, () => {
    assert.deepEqual(read(readDocument("b: 1\n", "f.yaml")), absent);
    assert.deepEqual(read(readDocument("a:\n", "f.yaml")), absent);
    assert.deepEqual(read(readDocument("a: ~\n", "f.yaml")), absent);
    assert.deepEqual(read(Section.of({ a: undefined })), absent);
  });
}

const refused: [text: string, getter: string, read: (section: Section) => unknown, message: string][] = [
  ["5", "string", (s) => s.string("a"), "a = 5: write a text, in quotes if it looks like something else"],
  ["true", "string", (s) => s.string("a"), "a = true: write a text, in quotes if it looks like something else"],
  ["[x]", "string", (s) => s.string("a"), 'a = ["x"]: write a text, in quotes if it looks like something else'],
  [
    "2020-01-01",
    "string",
    (s) => s.string("a"),
    'a = "2020-01-01T00:00:00.000Z": write a text, in quotes if it looks like something else',
  ],
  ["yes", "boolean", (s) => s.boolean("a"), 'a = "yes": write true or false'],
  ["1", "boolean", (s) => s.boolean("a"), "a = 1: write true or false"],
  ["0.5", "integer", (s) => s.integer("a"), "a = 0.5: write a whole number"],
  ['"5"', "integer", (s) => s.integer("a"), 'a = "5": write a whole number'],
  ["1e300", "integer", (s) => s.integer("a"), "a = 1e+300: write a whole number"],
  [".inf", "integer", (s) => s.integer("a"), "a = Infinity: write a whole number"],
  ["0", "integer", (s) => s.integer("a", { atLeast: 1 }), "a = 0: write a whole number of 1 or more"],
  ["65", "integer", (s) => s.integer("a", { atLeast: 1, atMost: 64 }), "a = 65: write a whole number from 1 to 64"],
  [".nan", "number", (s) => s.number("a"), "a = NaN: write a number"],
  ["2", "number", (s) => s.number("a", { atMost: 1 }), "a = 2: write a number of at most 1"],
  ["10", "duration", (s) => s.duration("a"), "a = 10: write a duration such as 10s or 1m30s"],
  ["1d", "duration", (s) => s.duration("a"), 'a = "1d": write a duration such as 10s or 1m30s'],
  ["[1s]", "duration", (s) => s.duration("a"), 'a = ["1s"]: write a duration such as 10s or 1m30s'],
  ["0s", "duration", (s) => s.duration("a", { atLeast: "1s" }), 'a = "0s": write a duration of 1s or more'],
  ["-1s", "duration", (s) => s.duration("a"), 'a = "-1s": write a duration of 0s or more'],
  ["2h", "duration", (s) => s.duration("a", { atMost: "90m" }), 'a = "2h": write a duration from 0s to 1h30m'],
  ["1 GiB", "size", (s) => s.size("a"), 'a = "1 GiB": write a size such as 512B, 64KiB or 1GiB'],
  ["-1", "size", (s) => s.size("a"), "a = -1: write a size such as 512B, 64KiB or 1GiB"],
  ["true", "size", (s) => s.size("a"), "a = true: write a size such as 512B, 64KiB or 1GiB"],
  ["1KiB", "size", (s) => s.size("a", { atLeast: "64KiB" }), 'a = "1KiB": write a size of 64KiB or more'],
  ["8125", "address", (s) => s.address("a"), "a = 8125: write an address, host:port"],
  ["localhost", "address", (s) => s.address("a"), 'a = "localhost": write host:port, [::1]:port or :port'],
  ["icmp", "oneOf", (s) => s.oneOf("a", ["tcp", "udp"]), 'a = "icmp": write tcp or udp'],
  ["1", "oneOf", (s) => s.oneOf("a", ["1"]), "a = 1: write 1"],
  ["x", "strings", (s) => s.strings("a"), 'a = "x": write a list of texts'],
  ["[x, 5]", "strings", (s) => s.strings("a"), "a[1] = 5: write a text, in quotes if it looks like something else"],
  ["[x, ~]", "strings", (s) => s.strings("a"), "a[1] = null: write a text, in quotes if it looks like something else"],
  ["{x: 1}", "numbers", (s) => s.numbers("a"), 'a = {"x":1}: write a list of numbers'],
  ["[1, x]", "numbers", (s) => s.numbers("a"), 'a[1] = "x": write a number'],
  ["{x: 1}", "map", (s) => s.map("a"), "a.x = 1: write a text, in quotes if it looks like something else"],
  ["[x]", "map", (s) => s.map("a"), 'a = ["x"]: write a map of settings'],
  ["x", "section", (s) => s.section("a"), 'a = "x": write a map of settings'],
  ["[x]", "section", (s) => s.section("a"), 'a = ["x"]: write a map of settings'],
  ["{x: 1}", "sections", (s) => s.sections("a"), 'a = {"x":1}: write a list of maps'],
  ["[{}, x]", "sections", (s) => s.sections("a"), 'a[1] = "x": write a map of settings'],
  ["{x: y}", "entries", (s) => s.section("a").entries(), 'a.x = "y": write a map of settings'],
];
for (const [text, getter, read, message] of refused) {
  Deno.test(`Section.${getter}() refuses ${text}: ${message.slice(-24)}`, () => {
    assert.throws(() => read(of(text)), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.message.replace(/^f\.yaml:1:\d+: Cannot use /, ""), message);
      return true;
    });
  });
}

Deno.test("Section says what STYLE shows", () => {
  const root = readDocument("http: {}\nstatsd:\n  interval: 0s\n", "limier.yaml");
  assert.throws(() => root.section("statsd").duration("interval", { atLeast: "1s" }), {
    message: 'limier.yaml:3:13: Cannot use statsd.interval = "0s": write a duration of 1s or more',
  });
});

const text = `# comment
a: &anchor
  b: {c: 1, d: [x, {e: 2}]}
list:
- one: 1
  two: é è   # é
"quoted key": yes
alias: *anchor
merged:
  <<: *anchor
  own: 3
empty:
block: |
  text
`;
const places: [
  path: string,
  where: (root: Section) => { line: number; column: number },
  line: number,
  column: number,
][] = [
  ["a", (root) => root.at("a"), 3, 3],
  ["a key", (root) => root.atKey("a"), 2, 1],
  ["a.b", (root) => root.section("a").at("b"), 3, 6],
  ["a.b.c", (root) => root.section("a").section("b").at("c"), 3, 10],
  ["a.b.c key", (root) => root.section("a").section("b").atKey("c"), 3, 7],
  ["a.b.d", (root) => root.section("a").section("b").at("d"), 3, 16],
  ["list[0].two", (root) => firstOf(root).at("two"), 6, 8],
  ["list[0].two key", (root) => firstOf(root).atKey("two"), 6, 3],
  ["list[0].absent", (root) => firstOf(root).at("absent"), 5, 3],
  ["quoted key", (root) => root.atKey("quoted key"), 7, 1],
  ["alias", (root) => root.at("alias"), 8, 8],
  ["alias.b.c", (root) => root.section("alias").section("b").at("c"), 3, 10],
  ["merged.b.c", (root) => root.section("merged").section("b").at("c"), 3, 10],
  ["merged.own", (root) => root.section("merged").at("own"), 11, 8],
  ["empty", (root) => root.atKey("empty"), 12, 1],
  ["block", (root) => root.at("block"), 13, 8],
  ["absent", (root) => root.at("absent"), 2, 1],
  ["absent.deep", (root) => root.section("absent").at("deep"), 2, 1],
];
function firstOf(root: Section): Section {
  return root.sections("list")[0]!;
}
for (const [path, where, line, column] of places) {
  Deno.test(`Section.at() finds ${path}`, () => {
    const { line: gotLine, column: gotColumn } = where(readDocument(text, "f.yaml"));
    assert.deepEqual([gotLine, gotColumn], [line, column]);
  });
}

Deno.test("Section.at() counts characters, not UTF-16 units or bytes", () => {
  const root = readDocument('"🐕é": {x: 1}\n', "f.yaml");
  assert.deepEqual(root.section("🐕é").at("x"), { file: "f.yaml", line: 1, column: 11 });
});

Deno.test("Section.refuseOthers() names the nearest key", () => {
  const root = readDocument("a:\n  intervall: 1\n", "f.yaml");
  assert.throws(() => root.section("a").refuseOthers(["interval", "hosts"]), {
    message: "f.yaml:2:3: Cannot use a.intervall: there is no such key; did you mean interval?",
  });
  assert.throws(() => root.section("a").refuseOthers(["x", "y"]), {
    message: "f.yaml:2:3: Cannot use a.intervall: there is no such key; write x or y",
  });
  assert.throws(() => root.section("a").refuseOthers([]), /none is known here/);
  root.section("a").refuseOthers(["intervall"]);
  root.section("absent").refuseOthers([]);
});

Deno.test("Section.refuseOthers() takes KEY_file for a secret only", () => {
  const root = readDocument("key_file: x\nname_file: y\n", "f.yaml");
  assert.deepEqual(root.others(["key", "name"]), ["name_file"]);
  assert.deepEqual(root.others(["name"]), ["key_file", "name_file"]);
});

Deno.test("Section.secret() reads the file that KEY_file names, without one line's end", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const cases: [content: string, secret: string][] = [["s", "s"], ["s\n", "s"], ["s\r\n", "s"], [" s \n\n", " s \n"]];
    for (const [content, secret] of cases) {
      await Deno.writeTextFile(`${directory}/secret`, content);
      const root = readDocument(`key_file: "\${DIR}/secret"\n`, "f.yaml", { env: { DIR: directory } });
      assert.equal(root.secret("key"), secret);
      assert.equal(root.string("key"), secret);
      assert.ok(root.has("key"));
    }
    await Deno.writeTextFile(`${directory}/secret`, "\n");
    const empty = Section.of({ key_file: `${directory}/secret` });
    assert.throws(() => empty.secret("key"), /^ConfigError: config: Cannot use key_file = .*that is not empty$/);
    const none = Section.of({ key_file: `${directory}/none` });
    assert.throws(() => none.secret("key"), /write the path of a file that can be read \(No such file/);
    const both = Section.of({ key: "s", key_file: `${directory}/secret` });
    assert.throws(() => both.secret("key"), /write either key or key_file$/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("Section never shows a secret", () => {
  const root = readDocument("key: 12345\nsentry_dsn: [abc]\ninner: {password: {x: abc}}\n", "f.yaml");
  for (const read of [() => root.string("key"), () => root.secret("sentry_dsn"), () => root.integer("inner")]) {
    assert.throws(read, (error) => error instanceof ConfigError && !/12345|abc/.test(Deno.inspect(error)));
  }
});

Deno.test("Section.fail() names the place, or that the setting is missing", () => {
  const root = readDocument("outputs:\n- name: a\n", "f.yaml");
  const output = root.sections("outputs")[0]!;
  assert.equal(output.path, "outputs[0]");
  assert.throws(() => output.fail("name", "b"), { message: 'f.yaml:2:9: Cannot use outputs[0].name = "a": write b' });
  assert.throws(() => output.fail("kind", "datadog"), {
    message: "f.yaml:2:3: Cannot do without outputs[0].kind: write datadog",
  });
});

Deno.test("Section.of() takes a plain object, which may change afterwards", () => {
  const object = { statsd: { interval: "5s", tags: ["a"] } };
  const section = Section.of(object);
  object.statsd.tags.push("b");
  assert.deepEqual(section.section("statsd").strings("tags"), ["a"]);
  assert.equal(section.section("statsd").duration("interval"), 5000);
  assert.equal(Section.of({ a: "${HOME}" }).string("a"), "${HOME}");
  assert.throws(() => section.section("statsd").integer("interval"), {
    message: 'config: Cannot use statsd.interval = "5s": write a whole number',
  });
  assert.throws(() => Section.of([]), /^ConfigError: config: Cannot read the settings/);
});

Deno.test("Section.written() gives the letters", () => {
  const root = readDocument("a: 007\nb: 1e10\nc: yes\nd: [0x10]\ne: &x 08\nf: *x\n", "f.yaml");
  assert.deepEqual(["a", "b", "c", "d", "e", "f", "g"].map((key) => root.written(key)), [
    "007",
    "1e10",
    "yes",
    undefined,
    "08",
    "08",
    undefined,
  ]);
  assert.equal(root.written("d", 0), "0x10");
});

Deno.test("a collecting document tells all errors together, in the order of the file", () => {
  const root = readDocument("b: x\nzz: 1\na:\n  c: 5\n  d: 1h\n  yy: 2\n", "f.yaml", {
    collect: true,
    env: { LIMIER_A__E: "x" },
    prefix: "LIMIER",
  });
  const a = root.section("a");
  a.refuseOthers(["c", "d", "e"]);
  assert.equal(a.integer("e"), undefined);
  assert.equal(a.duration("d", { atMost: "1m" }), undefined);
  assert.equal(a.string("c"), undefined);
  assert.equal(a.string("c"), undefined, "asked again, told once");
  assert.equal(root.gather(() => root.fail("b", "y")), undefined);
  root.refuseOthers(["a", "b"]);
  assert.equal(root.gather(() => 7), 7);
  assert.throws(() => root.gather(() => assert.fail("not ours")), assert.AssertionError);
  assert.throws(() => root.throwCollected(), (error) => {
    assert.ok(error instanceof ConfigErrors);
    assert.deepEqual(error.errors, root.errors);
    assert.deepEqual(error.message.split("\n").map((line) => line.replace(/: Cannot.*/, "")), [
      "f.yaml:1:4",
      "f.yaml:2:1",
      "f.yaml:4:6",
      "f.yaml:5:6",
      "f.yaml:6:3",
      "LIMIER_A__E",
    ]);
    return true;
  });
});

Deno.test("Section.throwCollected() is silent when nothing is wrong", () => {
  const root = readDocument("a: 1\n", "f.yaml", { collect: true });
  root.refuseOthers(["a"]);
  root.throwCollected();
  assert.deepEqual(root.errors, []);
});
