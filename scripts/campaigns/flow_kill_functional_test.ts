import assert from "node:assert/strict";
import { brokerTest } from "../../src/kafka/testing.ts";
import { runFlowKill } from "./flow_kill.ts";

for (const outlets of [1, 2]) {
  brokerTest(`runFlowKill() finds every flow once in the store, whenever one of ${outlets} was killed`, async () => {
    const said: string[] = [];
    const options = { kills: 4, rate: 400, life: 4, partitions: 4, outlets };
    const holds = await runFlowKill(options, (line) => said.push(line));
    assert.ok(holds, said.join("\n"));
  });
}
