import assert from "node:assert/strict";
import { drain, runDrain } from "./drain.ts";

const options = { ...drain.defaults, repeats: 1, seconds: 0.5, rate: 5_000, series: 400, interval: 2 };

Deno.test({
  name: "runDrain() finds everything flushed that had arrived",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const printed: string[] = [];
    assert.ok(await runDrain(options, (line) => printed.push(line)), printed.join("\n"));
  },
});

Deno.test("runDrain() refuses series that leave a datagram half empty", async () => {
  const printed: string[] = [];
  assert.equal(await runDrain({ ...options, series: 401 }, (line) => printed.push(line)), false);
  assert.match(printed[0]!, /multiple of 80/);
});
