import assert from "node:assert/strict";
import { unpackTools } from "../../scripts/record_flows/tools.ts";
import { functionalTest } from "../../src/testing/mod.ts";
import type { ExporterResult } from "./flow_exporters.ts";
import { temporaryFolder } from "./limier.ts";

const CHDB = { path: "chdb/libchdb.so", setup: "scripts/setup-chdb.sh" };

functionalTest(
  "what exporters tell of an interface is stored, and adds up to what the interface counted",
  CHDB,
  async (library) => {
    if (Deno.uid() !== 0) return console.log("skipped: network namespaces need root");
    await unpackTools(); // while the registry can be reached
    await using folder = await temporaryFolder();
    const script = new URL("./flow_exporters.ts", import.meta.url).pathname;
    const { success, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--net", Deno.execPath(), "run", "-A", "--no-check", script, library, folder.path],
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    assert.ok(success, text.decode(stderr));
    const results: ExporterResult[] = text.decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
    assert.ok(results.length >= 7, `${results.length} exporters`);
    for (const { name, counted, stored } of results) {
      assert.ok(counted.packets > 0, name);
      assert.deepEqual(stored, counted, name);
    }
  },
);
