import assert from "node:assert/strict";
import { recordingReporter } from "../../telemetry/mod.ts";
import type { SavedState } from "../decode/saved_state.ts";
import { DECODER } from "./config.ts";
import { Knowledge } from "./knowledge.ts";
import { lesson, templateIds } from "./testing.ts";

function setup(statePersistFile = "") {
  const reporter = recordingReporter();
  return { knowledge: new Knowledge({ ...DECODER, statePersistFile }, reporter), reporter };
}

async function withFile(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "limier_knowledge_" });
  try {
    await work(`${folder}/state.json`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("Knowledge tells each worker what the others have learnt, and one that joins what all have", async () => {
  const { knowledge } = setup();
  const told: Record<string, Record<string, string[]>[]> = { a: [], b: [], c: [] };
  const join = (name: string) => knowledge.join(name, (learned) => told[name]!.push(templateIds(learned)));
  join("a");
  join("b");
  await knowledge.take("a", lesson("192.0.2.1", 256));
  await knowledge.take("b", lesson("192.0.2.2", 300));
  join("c");
  knowledge.leave("b");
  await knowledge.take("c", lesson("192.0.2.1", 257));
  assert.deepEqual(told, {
    a: [{ "192.0.2.2": ["300"] }, { "192.0.2.1": ["257"] }],
    b: [{ "192.0.2.1": ["256"] }],
    c: [{ "192.0.2.1": ["256"], "192.0.2.2": ["300"] }],
  });
});

Deno.test("Knowledge has everything in its file when take() resolves", async () => {
  await withFile(async (path) => {
    const { knowledge, reporter } = setup(path);
    await knowledge.read();
    assert.deepEqual(reporter.lines, []); // there is none yet
    const first = knowledge.take("a", lesson("192.0.2.1", 256));
    const others = Array.from({ length: 20 }, (_, i) => knowledge.take("b", lesson("192.0.2.2", 300 + i)));
    await first;
    assert.deepEqual(templateIds(JSON.parse(await Deno.readTextFile(path)))["192.0.2.1"], ["256"]);
    await Promise.all(others);
    assert.equal(templateIds(JSON.parse(await Deno.readTextFile(path)))["192.0.2.2"]?.length, 20);
    const next = setup(path);
    await next.knowledge.read();
    let known: SavedState | undefined;
    next.knowledge.join("a", (learned) => known = learned);
    assert.deepEqual(known, JSON.parse(await Deno.readTextFile(path)));
  });
});

Deno.test("Knowledge tells of a file that can't be used, or written, and goes on", async () => {
  await withFile(async (path) => {
    for (const text of ["{", '{"Version":2,"Decoders":{}}']) {
      await Deno.writeTextFile(path, text);
      const { knowledge, reporter } = setup(path);
      await knowledge.read();
      assert.deepEqual(reporter.lines.map(({ level }) => level), ["warn"]);
      await knowledge.take("a", lesson("192.0.2.1", 256));
      assert.deepEqual(templateIds(JSON.parse(await Deno.readTextFile(path))), { "192.0.2.1": ["256"] });
    }
    const { knowledge, reporter } = setup(`${path}/nowhere/state.json`);
    await knowledge.take("a", lesson("192.0.2.1", 256));
    assert.match(reporter.lines.map(({ message }) => message).join(), /^Cannot keep what decoders know in /);
  });
});
