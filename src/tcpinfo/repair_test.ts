import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import { repairArchive } from "./repair.ts";
import { decompressZstd } from "./zstd_frames.ts";

const text = new TextDecoder();

const ZSTD = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const frame = (text: string) => new Uint8Array(zstdCompressSync(new TextEncoder().encode(text), ZSTD));

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

async function repaired(bytes: Uint8Array, others: Record<string, Uint8Array> = {}) {
  const directory = await Deno.makeTempDir({ prefix: "limier_repair_" });
  try {
    const folder = `${directory}/2024/02/29`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(`${folder}/U.00000.jsonl.zst.partial`, bytes);
    for (const [name, content] of Object.entries(others)) await Deno.writeFile(`${folder}/${name}`, content);
    const report = await repairArchive(directory);
    const files: Record<string, string> = {};
    for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      files[name] = [...decompressZstd(await Deno.readFile(`${folder}/${name}`))].map((piece) => text.decode(piece))
        .join("");
    }
    return { report, files };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const whole = joined(frame("a\n"), frame("b\nc\n"));
const rows: [what: string, bytes: Uint8Array, content: string, torn: number][] = [
  ["that is whole", whole, "a\nb\nc\n", 0],
  ["that ends inside a frame", joined(whole, frame("d\n").subarray(0, 9)), "a\nb\nc\n", 1],
  ["that ends inside a checksum", joined(frame("a\n"), frame("d\n").subarray(0, -2)), "a\nd\n", 1],
  ["that ends inside a line", joined(whole, frame("d\ne")), "a\nb\nc\nd\n", 1],
  ["that is empty", new Uint8Array(0), "", 1],
  ["that is no zstd", new TextEncoder().encode("garbage"), "", 1],
];
for (const [what, bytes, content, torn] of rows) {
  Deno.test(`repairArchive() completes a file ${what}`, async () => {
    const { report, files } = await repaired(bytes);
    assert.deepEqual(report, { repaired: 1, torn, failed: [] });
    assert.deepEqual(files, { "U.00000.jsonl.zst": content });
  });
}

Deno.test("repairArchive() overwrites no file that is complete", async () => {
  const { files } = await repaired(whole, { "U.00000.jsonl.zst": frame("before\n") });
  assert.deepEqual(files, { "U.00000.jsonl.zst": "before\n", "U.00000.repaired-1.jsonl.zst": "a\nb\nc\n" });
});

Deno.test("repairArchive() can be cut short at any byte and takes what was complete before", async () => {
  const ends = [frame("a\n").length, whole.length];
  for (let length = 0; length <= whole.length; length += 3) {
    const { files } = await repaired(whole.subarray(0, length));
    const content = files["U.00000.jsonl.zst"]!;
    assert.ok("a\nb\nc\n".startsWith(content));
    assert.ok(content === "" || content.endsWith("\n"));
    if (length >= ends[0]!) assert.ok(content.startsWith("a\n"));
  }
});
