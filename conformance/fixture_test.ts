import assert from "node:assert/strict";
import { readFixtures } from "./fixture.ts";
import { FixtureError } from "./golden.ts";

/** A folder of fixtures; the files' contents by path, text or bytes. */
async function folder(files: Record<string, string>): Promise<{ root: string } & AsyncDisposable> {
  const root = await Deno.makeTempDir({ prefix: "limier_fixtures_" });
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(`${root}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, content);
  }
  return { root, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}

function golden(expect: string, more = ""): string {
  return `{"why":"w","source":"s",${more}"expect":{${expect}}}`;
}

const DECODE = golden('"decode":[]');
const FEED = golden('"feed":[]');
const FLUSH = '{"at":10,"do":"flush"}\n';

Deno.test("readFixtures() finds inputs and scenarios beside their goldens", async () => {
  await using files = await folder({
    "ssf/b.json": DECODE,
    "ssf/b.hex": "10 07\n",
    "dogstatsd/two.json": golden('"decode":[],"feed":[]'),
    "dogstatsd/two.bin": "a:1|c",
    "dogstatsd/two.jsonl": `${FLUSH}\n`,
    "dogstatsd/one.json": FEED,
    "dogstatsd/one.jsonl": `{"at":1,"text":"a:1|c"}\n${FLUSH}`,
    "dogstatsd/README.md": "",
    "veneur/b.json": "{}",
    "veneur/c.bin": "",
  });
  const found = await readFixtures(files.root);
  assert.deepEqual(found.map(({ protocol, name }) => `${protocol}/${name}`), [
    "dogstatsd/one",
    "dogstatsd/two",
    "ssf/b",
  ]);
  assert.deepEqual(found.map(({ input }) => input?.hex), [undefined, false, true]);
  assert.deepEqual(found.map(({ scenario }) => scenario?.length), [2, 1, undefined]);
});

Deno.test("readFixtures() takes equal inputs with different configuration", async () => {
  await using files = await folder({
    "lag/a.json": golden('"feed":[]', '"config":{"statsd":{"interval":"1s"}},'),
    "lag/a.jsonl": FLUSH,
    "lag/b.json": FEED,
    "lag/b.jsonl": FLUSH,
  });
  assert.equal((await readFixtures(files.root)).length, 2);
});

const refused: [why: RegExp, files: Record<string, string>][] = [
  [/put the input beside it/, { "lag/a.json": DECODE }],
  [/put the input beside it/, { "lag/a.json": golden('"decode":[]'), "lag/a.jsonl": FLUSH }],
  [/write the scenario/, { "lag/a.json": FEED, "lag/a.txt": "" }],
  [/write its golden/, { "lag/a.txt": "" }],
  [/not both/, { "lag/a.json": DECODE, "lag/a.txt": "", "lag/a.bin": "" }],
  [/line 1 as a JSON object/, { "lag/a.json": FEED, "lag/a.jsonl": "at 10\n" }],
  [/line 2 as a JSON object/, { "lag/a.json": FEED, "lag/a.jsonl": `${FLUSH}{"do":"stop"}\n` }],
  [/line 2 is earlier/, { "lag/a.json": FEED, "lag/a.jsonl": `${FLUSH}{"at":9,"do":"stop"}\n` }],
  [/no events/, { "lag/a.json": FEED, "lag/a.jsonl": "\n" }],
  [/those of .*a\.json/, { "lag/a.json": DECODE, "lag/a.txt": "x", "lag/b.json": DECODE, "lag/b.bin": "x" }],
  [/those of .*a\.json/, { "lag/a.json": FEED, "lag/a.jsonl": FLUSH, "lag/b.json": FEED, "lag/b.jsonl": `\n${FLUSH}` }],
];
for (const [why, contents] of refused) {
  Deno.test(`readFixtures() refuses ${Object.keys(contents).join(" ")}: ${why.source}`, async () => {
    await using files = await folder(contents);
    await assert.rejects(
      readFixtures(files.root),
      (error) => error instanceof FixtureError && why.test(error.message),
    );
  });
}
