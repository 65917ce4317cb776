import assert from "node:assert/strict";
import { type DocumentOptions, readDocument } from "./document.ts";
import { ConfigError } from "./error.ts";

function messageOf(text: string, options: DocumentOptions = {}): string {
  try {
    readDocument(text, "f.yaml", options);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  throw new assert.AssertionError({ message: "no error" });
}

for (
  const [name, text] of [["nothing", ""], ["a comment", "# a\n"], ["a BOM", "\uFEFF"], ["null", "~\n"], [
    "---",
    "---\n",
  ]]
) {
  Deno.test(`readDocument() of ${name} is an empty section`, () => {
    const root = readDocument(text!, "f.yaml");
    assert.deepEqual(root.keys(), []);
    assert.equal(root.path, "");
  });
}

const noYaml: [name: string, text: string, message: RegExp][] = [
  ["a key twice", "a: 1\nb: 2\na: 3\n", /^f\.yaml:3:1: Cannot read f\.yaml: duplicated mapping key$/],
  ["a key twice, nested", "a:\n  b: 1\n  b: 2\n", /^f\.yaml:3:3: .*duplicated mapping key$/],
  ["a tab", "a:\n\t- b\n", /^f\.yaml:2:1: Cannot read f\.yaml: tab/],
  ["an open list", "a: [1,\n b: }", /^f\.yaml:2:\d+: /],
  ["bad indentation", "a: 1\n b: 2\n", /^f\.yaml:2:\d+: .*indentation/],
  ["bad indentation after CRLF", "a: 1\r\nc: 1\r\n b: 2\r\n", /^f\.yaml:3:\d+: .*indentation/],
  ["an unknown alias", "a: 1\nx: *nope\n", /^f\.yaml:2:\d+: [^"]*unidentified alias$/],
  ["an unknown tag", "a: !secretword 1\n", /^f\.yaml:1:\d+: (?!.*secretword)/],
  ["two documents", "a: 1\n---\nb: 1\n", /^f\.yaml:2:1: .*single document/],
  ["an open quote", 'a: "b\n', /^f\.yaml:\d+:\d+: /],
  ["a NUL", "a: \0\n", /^f\.yaml:1:\d+: /],
  ["a list", "- a\n", /^f\.yaml:1:1: Cannot read f\.yaml: write a map of settings/],
  ["a text", "\n\n  hello\n", /^f\.yaml:3:3: Cannot read f\.yaml: write a map/],
  ["a knot", "a: &x\n  b: *x\n", /^f\.yaml:1:1: Cannot read f\.yaml: .*deeper than/],
  ["brackets without end", "[".repeat(100_000), /^f\.yaml:\d+:\d+: Cannot read f\.yaml: /],
  [
    "aliases that explode",
    "a0: &a0 {x: 1}\n" + Array.from({ length: 9 }, (_, i) => {
      const aliases = Array.from({ length: 9 }, () => `*a${i}`).join(", ");
      return `a${i + 1}: &a${i + 1} [${aliases}]\n`;
    }).join(""),
    /^f\.yaml:\d+:1: Cannot read f\.yaml: it has more than/,
  ],
];
for (const [name, text, message] of noYaml) {
  Deno.test(`readDocument() refuses ${name}`, () => assert.match(messageOf(text), message));
}

Deno.test("readDocument() quotes no line of the file it can't read", () => {
  assert.doesNotMatch(messageOf("key: hunter2\nkey: hunter3\n"), /hunter/);
});

Deno.test("readDocument() refuses every prefix of a file, or reads it, and never anything else", () => {
  const text = 'a: &x {b: [1, "2"], c: |\n    text\n  }\nd: *x\ne: "${F}"\n';
  for (let end = 0; end < text.length; end++) {
    try {
      readDocument(text.slice(0, end), "f.yaml", { env: { F: "f" } });
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${end}: ${error}`);
    }
  }
});

Deno.test("readDocument() takes CRLF and a BOM", () => {
  const root = readDocument("\uFEFFa: 1\r\nb:\r\n  c: x\r\n", "f.yaml");
  assert.deepEqual(root.toObject(), { a: 1, b: { c: "x" } });
  assert.deepEqual(root.section("b").at("c"), { file: "f.yaml", line: 3, column: 6 });
  assert.deepEqual(root.atKey("a"), { file: "f.yaml", line: 1, column: 1 });
});

Deno.test("readDocument() keeps a key named __proto__ a key", () => {
  const root = readDocument("__proto__: {a: 1}\n", "f.yaml");
  assert.deepEqual(root.keys(), ["__proto__"]);
  assert.equal(root.value("a"), undefined);
  assert.equal(root.section("__proto__").integer("a"), 1);
  assert.equal(root.value("constructor"), undefined);
});

Deno.test("readDocument() reads and places a hundred thousand lines", () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `k${i}: ${i}`);
  const root = readDocument(lines.join("\n"), "f.yaml");
  assert.equal(root.integer("k99999"), 99_999);
  assert.deepEqual(root.at("k99999"), { file: "f.yaml", line: 100_000, column: 9 });
});

Deno.test("readDocument() lets a duplicate key pass where it is told to", () => {
  const places: string[] = [];
  const root = readDocument("a: 1\nb: {c: 1, c: 2}\na: 3\n", "f.yaml", {
    onDuplicateKey: ({ file, line, column }) => places.push(`${file}:${line}:${column}`),
  });
  assert.deepEqual(root.toObject(), { a: 3, b: { c: 2 } });
  assert.deepEqual(places.sort(), ["f.yaml:2:11", "f.yaml:3:1"]);
  assert.match(messageOf("a: 1\na: 2\n b: 3\n", { onDuplicateKey: () => {} }), /^f\.yaml:/);
});
