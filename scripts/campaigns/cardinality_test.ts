import assert from "node:assert/strict";
import { cardinality, runCardinality } from "./cardinality.ts";

Deno.test({
  name: "runCardinality() finds what is above max_series refused and counted",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const printed: string[] = [];
    const options = {
      ...cardinality.defaults,
      count: 3_000,
      maxSeries: 2_000,
      rounds: 2,
      interval: 10, // the machine may be busy with other tests
      output: "file" as const,
      // Of a process that holds so little, these say nothing; a machine under other tests may still be asked.
      beforeMb: 1_000,
      peakMb: 1_000,
    };
    assert.ok(await runCardinality(options, (line) => printed.push(line)), printed.join("\n"));
  },
});
