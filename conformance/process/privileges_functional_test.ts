import assert from "node:assert/strict";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { effectiveCapabilities } from "../../src/linux/mod.ts";

const CONFIG = `
http: { address: "127.0.0.1:0", config: true }
statsd: { udp_address: "127.0.0.1:0", num_readers: 2, interval: 1h }
`;

Deno.test("an agent gives up the right to run programs, and shows what is left", async () => {
  await using agent = await startAgentProcess({ config: CONFIG });
  const { privileges } = await (await fetch(`${agent.url}/config`)).json();
  assert.equal(privileges.permissions.ffi, "granted");
  assert.notEqual(privileges.permissions.run, "granted");
  assert.deepEqual(Object.keys(privileges.permissions), [
    "read",
    "write",
    "net",
    "env",
    "sys",
    "run",
    "ffi",
    "import",
  ]);
});

Deno.test({
  name: "an agent keeps the capabilities that it may need, in the threads that it starts too, also over a reload",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const held = effectiveCapabilities(await Deno.readTextFile("/proc/self/status")) ?? [];
    const needed = [
      "NET_ADMIN",
      "NET_RAW",
      "NET_BIND_SERVICE",
      "BPF",
      "DAC_OVERRIDE",
      "DAC_READ_SEARCH",
      "CHOWN",
      "FOWNER",
    ];
    const expected = held.filter((name) =>
      needed.includes(name.slice("CAP_".length)) || (name === "CAP_SYS_ADMIN" && !held.includes("CAP_BPF"))
    );
    await using agent = await startAgentProcess({ config: CONFIG });
    const capabilitiesOf = async (thread: string) =>
      effectiveCapabilities(await Deno.readTextFile(`/proc/${agent.pid}/task/${thread}/status`)) ?? [];
    const check = async () => {
      const { privileges } = await (await fetch(`${agent.url}/config`)).json();
      assert.deepEqual(privileges.capabilities, expected);
      assert.deepEqual(await capabilitiesOf(`${agent.pid}`), expected);
      const workers: string[] = [];
      for await (const { name } of Deno.readDir(`/proc/${agent.pid}/task`)) {
        const thread = (await Deno.readTextFile(`/proc/${agent.pid}/task/${name}/comm`)).trim();
        if (thread.startsWith("worker-")) workers.push(name);
      }
      assert.ok(workers.length >= 3, `${workers.length} of two readers and the aggregation`);
      for (const worker of workers) assert.deepEqual(await capabilitiesOf(worker), expected);
    };
    await check();
    const from = agent.log.length;
    await Deno.writeTextFile(agent.configPath, CONFIG.replace("num_readers: 2", "num_readers: 3"));
    agent.signal("SIGHUP");
    await agent.logged({ message: "configuration reloaded, listeners started anew" }, from);
    await check();
    assert.equal((await agent.stop()).code, 0);
  },
});
