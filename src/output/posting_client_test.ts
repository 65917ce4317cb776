import assert from "node:assert/strict";
import { batchBytes } from "../metric/mod.ts";
import { DeliveryError } from "./contract.ts";
import { httpTargetOf } from "./http_target.ts";
import { newPostingClient, type Posting } from "./posting_client.ts";
import { batchOf, eventTexts, forever, outputConfig, scriptedFetch, type SeenRequest, testDeps } from "./testing.ts";

/** A client of lines at `/in`, two bytes a request at the most unless `changes` say otherwise. */
function clientOf(reply: (request: SeenRequest) => Response | Promise<Response>, changes: Partial<Posting> = {}) {
  const { fetch, requests } = scriptedFetch(reply);
  const deps = testDeps(fetch);
  const client = newPostingClient(httpTargetOf("http://h"), outputConfig(), deps, {
    path: "/in?a=b",
    headers: { "X-Kind": "test" },
    limits: { bytes: 2, bodyBytes: 100, concurrency: 1 },
    action: "flush",
    body: (part) => Promise.resolve(batchBytes(part, "<", ",", ">")),
    ...changes,
  });
  return { client, requests, deps };
}

const batch = batchOf("points", "a", "b", "c");
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("newPostingClient() posts a batch in parts", async () => {
  const { client, requests } = clientOf(() => new Response(null, { status: 204 }));
  assert.equal(client.isConnected, false);
  await client.connect(0);
  assert.equal(client.isConnected, true);
  assert.deepEqual(await client.publish(batch, forever), { remaining: null });
  assert.deepEqual(requests.map(({ body }) => text(body)), ["<a,b>", "<c>"]);
  const { method, url, headers } = requests[0]!;
  assert.deepEqual([method, url, headers.get("x-kind")], ["POST", "http://h/in?a=b", "test"]);
  await client.close();
  assert.equal(client.isConnected, false);
});

Deno.test("newPostingClient() keeps what a part failed with, and only that part", async () => {
  const { client } = clientOf(({ body }) => new Response(null, { status: text(body) === "<c>" ? 503 : 200 }));
  const { remaining, error, rejected } = await client.publish(batch, forever);
  assert.deepEqual([eventTexts(remaining), error?.failure, rejected], [["c"], "retry", undefined]);
});

Deno.test("newPostingClient() adds up what replies say was refused for good", async () => {
  const { client } = clientOf(() => new Response("1"), { read: ({ body }) => ({ reason: "old", count: +text(body) }) });
  assert.deepEqual(await client.publish(batch, forever), {
    remaining: null,
    rejected: [{ reason: "old", count: 2 }],
  });
});

Deno.test("newPostingClient() never counts more refused than were delivered", async () => {
  const { client } = clientOf(
    ({ body }) => new Response("9", { status: text(body) === "<c>" ? 503 : 200 }),
    { read: ({ body }) => ({ reason: "old", count: +text(body) }) },
  );
  const { remaining, rejected } = await client.publish(batch, forever);
  assert.deepEqual([eventTexts(remaining), rejected], [["c"], [{ reason: "old", count: 2 }]]);
});

Deno.test("newPostingClient() takes a reply that was refused for what its status says, and tells of it", async () => {
  const { client, deps } = clientOf(() => new Response(null, { status: 400 }), {
    success: [200, 400],
    read: ({ status }) => status === 400 ? "refused" : undefined,
  });
  const { remaining, error } = await client.publish(batchOf("points", "a"), forever);
  assert.deepEqual([eventTexts(remaining), error?.failure, error?.label], [["a"], "permanent", "400"]);
  assert.deepEqual(deps.observations.map(({ action, errorCause }) => [action, errorCause]), [
    ["flush", undefined],
    ["flush", "400"],
  ]);
});

Deno.test("newPostingClient() passes on why a reply can't be judged", async () => {
  const unknown = new DeliveryError("ambiguous", "Cannot deliver to h: its answer is not readable");
  const { client } = clientOf(() => new Response("?"), { read: () => unknown });
  const { remaining, error } = await client.publish(batch, forever);
  assert.deepEqual([remaining, error], [batch, unknown]);
});

Deno.test("newPostingClient() asks nothing of a reply that means no success", async () => {
  const { client } = clientOf(() => new Response(null, { status: 401 }), { read: () => assert.fail("it was asked") });
  assert.equal((await client.publish(batch, forever)).error?.failure, "configuration");
});
