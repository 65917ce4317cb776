import assert from "node:assert/strict";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { BatchSender, connectUdp } from "../../src/linux/mod.ts";
import { pointsOf } from "./limier.ts";

const isLinux = Deno.build.os === "linux";
const DATAGRAMS = 5_000;

for (const balancing of ["hash", "auto", "ebpf", "cbpf"]) {
  Deno.test({
    name: `four readers with load_balancing: ${balancing} add up a sender's counters, and keep its latest gauge`,
    ignore: !isLinux,
    async fn() {
      await using agent = await startAgentProcess({
        config: `
statsd: { udp_address: "127.0.0.1:0", interval: 1h, num_readers: 4, load_balancing: ${balancing} }
http: { address: "127.0.0.1:0" }
`,
        keepsOutput: true,
      });
      using socket = connectUdp({ address: { hostname: "127.0.0.1", port: agent.port("udp") } });
      const lines = Array.from({ length: DATAGRAMS }, (_, i) => new TextEncoder().encode(`n:1|c\nlatest:${i}|g`));
      for (const line of lines) {
        const one = { buffer: line, offsets: Uint32Array.of(0), lengths: Uint32Array.of(line.length) };
        while (new BatchSender(socket.fd, one).send(0, 1) === 0);
      }
      const { code, stdout, stderr } = await agent.stop();
      assert.equal(code, 0, stderr);
      assert.deepEqual(pointsOf(stdout, "n").map(({ value }) => value), [DATAGRAMS / 3600]);
      assert.deepEqual(pointsOf(stdout, "latest").map(({ value }) => value), [DATAGRAMS - 1]);
    },
  });
}

Deno.test("limier run refuses another load_balancing, and a group of no known size", async () => {
  for (
    const [setting, says] of [["load_balancing: random", /load_balancing/], ["num_readers: 0", /num_readers/]] as const
  ) {
    const config = `statsd: { udp_address: "127.0.0.1:0", ${setting} }\nhttp: { address: "127.0.0.1:0" }\n`;
    await assert.rejects(startAgentProcess({ config }), says);
  }
});
