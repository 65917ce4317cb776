import assert from "node:assert/strict";
import { ConfigErrors } from "../config/mod.ts";
import { readLimierDocument } from "../agent/mod.ts";
import { Exit } from "./command.ts";
import { queryFlows } from "./flow_query.ts";

/** A server that answers every request the same, and what it was asked. */
function answering(reply: () => Response) {
  const seen: { readonly url: URL; readonly headers: Headers; readonly body: string }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    seen.push({ url: new URL(request.url), headers: request.headers, body: await request.text() });
    return reply();
  });
  return { seen, port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function query(config: object, statement = "SELECT 1") {
  let out = "", complaints = "";
  const root = readLimierDocument(JSON.stringify(config), "limier.yaml", {});
  const exit = await queryFlows(root, statement, "TSV", {
    write: (octets) => out += new TextDecoder().decode(octets),
    complain: (text) => complaints += text,
  });
  return { exit, out, complaints };
}

/** A port where nobody listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

const http = (port: number) => ({ address: `127.0.0.1:${port}`, token: "t0k" });

Deno.test("queryFlows() asks the agent that runs", async () => {
  await using agent = answering(() => new Response("1\n"));
  assert.deepEqual(await query({ http: http(agent.port) }), { exit: Exit.done, out: "1\n", complaints: "" });
  const [{ url, headers, body }] = agent.seen as [typeof agent.seen[number]];
  assert.deepEqual([url.pathname, url.search, body], ["/api/v0/flow/query", "?format=TSV", "SELECT 1"]);
  assert.equal(headers.get("authorization"), "Bearer t0k");
});

Deno.test("queryFlows() says why the agent refuses", async () => {
  await using agent = answering(() => new Response("Code: 47. DB::Exception: no x\n", { status: 400 }));
  assert.deepEqual(await query({ http: http(agent.port) }), {
    exit: Exit.failed,
    out: "",
    complaints: "Code: 47. DB::Exception: no x",
  });
});

const agents: [what: string, open: () => { readonly port: number } & AsyncDisposable][] = [
  ["no agent runs", () => ({ port: closedPort(), [Symbol.asyncDispose]: () => Promise.resolve() })],
  ["the agent has no flows", () => answering(() => new Response("no", { status: 404 }))],
];
for (const [what, open] of agents) {
  Deno.test(`queryFlows() asks the store where ${what}`, async () => {
    await using agent = open();
    await using server = answering(() => new Response("2\n"));
    const flow = { outlet: { clickhouse: { servers: [`http://127.0.0.1:${server.port}`] } } };
    assert.deepEqual(await query({ http: http(agent.port), flow }), { exit: Exit.done, out: "2\n", complaints: "" });
    assert.equal(server.seen[0]!.url.searchParams.get("readonly"), "1");
  });
}

Deno.test("queryFlows() says why the store refuses", async () => {
  await using server = answering(() =>
    new Response("Code: 60. DB::Exception: no table (version 26.1.1.1)", { status: 404 })
  );
  const flow = { outlet: { clickhouse: { servers: [`http://127.0.0.1:${server.port}`] } } };
  const { exit, complaints } = await query({ http: { address: "" }, flow });
  assert.deepEqual([exit, complaints], [Exit.failed, "Code: 60. DB::Exception: no table"]);
});

Deno.test("queryFlows() wants to know of a store", async () => {
  await assert.rejects(
    query({ http: { address: "" } }),
    (error) =>
      error instanceof Error && /flow\.outlet\.clickhouse\.servers .* or flow\.store\.chdb_path/.test(error.message),
  );
});

Deno.test("queryFlows() refuses settings that can't be used", async () => {
  await assert.rejects(query({ http: { address: "" }, flow: { store: { chdb: "x" } } }), ConfigErrors);
});
