import assert from "node:assert/strict";
import { AgentError, startLiveAgent } from "./live_agent.ts";

/** A command that runs `program`; what stands behind it is ignored. */
function scripted(program: string): string[] {
  return [Deno.execPath(), "eval", "--no-config", program];
}

const LISTENS = `console.error(JSON.stringify({ message: "listening", address: "udp://127.0.0.1:1" }));`;

Deno.test("startLiveAgent() reads addresses, and stop() what was printed until the end", async () => {
  const command = scripted(`
    console.error("a warning that is no JSON");
    Deno.addSignalListener("SIGTERM", () => {
      console.log('{"id":9223372036854775807}');
      Deno.exit(0);
    });
    ${LISTENS}
    setInterval(() => {}, 1000);
  `);
  await using agent = await startLiveAgent(command, {}, 1);
  assert.deepEqual(agent.addresses, ["udp://127.0.0.1:1"]);
  assert.deepEqual(await agent.stop(), [{ id: 9223372036854775807n }]);
});

Deno.test("startLiveAgent() fails when the agent ends before it listens", async () => {
  const command = scripted(`console.error("Cannot bind"); Deno.exit(1);`);
  await assert.rejects(
    startLiveAgent(command, {}, 1),
    (error) => error instanceof AgentError && /Cannot bind/.test(error.message),
  );
});

Deno.test("stop() fails when the agent ends with another status", async () => {
  const command = scripted(`
    Deno.addSignalListener("SIGTERM", () => Deno.exit(3));
    ${LISTENS}
    setInterval(() => {}, 1000);
  `);
  await using agent = await startLiveAgent(command, {}, 1);
  await assert.rejects(agent.stop(), (error) => error instanceof AgentError && /ended with 3/.test(error.message));
});
