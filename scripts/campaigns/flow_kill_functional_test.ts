import assert from "node:assert/strict";
import { brokerTest } from "../../src/kafka/testing.ts";
import { runFlowKill } from "./flow_kill.ts";

brokerTest("runFlowKill() finds every flow once in the store, however the outlet was killed", async () => {
  const said: string[] = [];
  const holds = await runFlowKill({ kills: 4, rate: 400, life: 4, partitions: 4 }, (line) => said.push(line));
  assert.ok(holds, said.join("\n"));
});
