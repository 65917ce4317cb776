/**
 * Builds the scenarios of `testdata/tcpinfo` and the files of `testdata/tcpinfo-archive`. What they have to come out as is in
 * their goldens, which `deno task golden` rewrites; one that is there already is kept.
 *
 * ```text
 * deno run -A scripts/build_tcpinfo.ts
 * ```
 *
 * @module
 */
import { ARCHIVES } from "./build_tcpinfo/archives.ts";
import { SCENARIOS } from "./build_tcpinfo/scenarios.ts";

const ROOT = new URL("../testdata/", import.meta.url).pathname;
const SOURCE = "Built by scripts/build_tcpinfo.ts.";

for (const [name, { why, config, events }] of Object.entries(SCENARIOS)) {
  const lines = events.map((event) => JSON.stringify(event) + "\n").join("");
  await put(`${ROOT}tcpinfo`, name, ".jsonl", new TextEncoder().encode(lines), { why, source: SOURCE, config }, "feed");
}
for (const [name, { why, bytes, options }] of Object.entries(ARCHIVES)) {
  await put(`${ROOT}tcpinfo-archive`, name, ".jsonl.zst", bytes, { why, source: SOURCE, options }, "decode");
}

async function put(
  folder: string,
  name: string,
  ending: string,
  bytes: Uint8Array,
  golden: object,
  stage: string,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(`${folder}/${name}${ending}`, bytes);
  const text = JSON.stringify({ ...golden, expect: { [stage]: [] } }, null, 2) + "\n";
  try {
    await Deno.writeTextFile(`${folder}/${name}.json`, text, { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
