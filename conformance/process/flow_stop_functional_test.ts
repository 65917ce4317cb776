import assert from "node:assert/strict";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { startScriptedClickhouse } from "../../scripts/campaigns/scripted_clickhouse.ts";
import { usualRecords, usualTemplate } from "../../src/flow/mod.ts";
import { sendUdp } from "./limier.ts";

Deno.test({
  name: "SIGTERM stores every flow whose datagram has arrived, then the agent exits with 0",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using store = startScriptedClickhouse({ slowMs: 200 });
    const agent = await startAgentProcess({
      config: `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
outputs: []
tcpinfo: { enabled: false }
flow:
  inlet: { listen: [ { address: "127.0.0.1:0", decoder: netflow, receive_buffer: 4MiB } ] }
  outlet:
    clickhouse: { servers: ["${store.url}"], compression: none, skip_migrations: true, maximum_wait_time: 1m }`,
    });
    const datagrams = Array.from({ length: 100 }, (_, i) => usualRecords(9, 25, i));
    await sendUdp(agent.port("udp://"), [usualTemplate(9), ...datagrams]);
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
    assert.equal(store.rows, 2_500);
  },
});
