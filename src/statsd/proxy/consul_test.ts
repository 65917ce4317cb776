import assert from "node:assert/strict";
import { FakeClock, realClock } from "../../clock/mod.ts";
import { consulMembers, newConsulFinder } from "./consul.ts";

const entry = (address: string, port: number) => ({
  Node: { Node: "n", Address: address },
  Service: { Service: "veneur-global", Address: "10.9.9.9", Port: port },
  Checks: [],
});

Deno.test("consulMembers() takes the node's address and the service's port", () => {
  assert.deepEqual(consulMembers([entry("10.0.0.1", 8127), entry("fd00::1", 8128), entry("g3", 1)]), [
    "10.0.0.1:8127",
    "[fd00::1]:8128",
    "g3:1",
  ]);
  assert.deepEqual(consulMembers([]), []);
});

const refused: [what: string, answer: unknown][] = [
  ["no list", {}],
  ["null", null],
  ["entries that are null", [null]],
  ["an entry without a node", [{ Service: { Port: 1 } }]],
  ["an address that is none", [entry("", 1)]],
  ["a port of 0", [entry("a", 0)]],
  ["a port that is too high", [entry("a", 65_536)]],
  ["a port that is a text", [{ Node: { Address: "a" }, Service: { Port: "1" } }]],
];
for (const [what, answer] of refused) {
  Deno.test(`consulMembers() refuses ${what}`, () => assert.throws(() => consulMembers(answer), TypeError));
}

/** A Consul on loopback that answers as it is told to. */
function startConsul(answer: (request: Request) => Response | Promise<Response>) {
  const requests: { readonly url: string; readonly token: string | null }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push({ url: request.url, token: request.headers.get("x-consul-token") });
    return answer(request);
  });
  return {
    address: `http://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const SIGNAL = new AbortController().signal;

Deno.test("newConsulFinder() asks for the instances that pass, with the token", async () => {
  await using consul = startConsul(() => Response.json([entry("10.0.0.1", 8127)]));
  const find = newConsulFinder({ address: consul.address, service: "a/b c", token: "t0ken" }, {
    clock: realClock,
    fetch,
  });
  assert.deepEqual(await find(SIGNAL), ["10.0.0.1:8127"]);
  const url = `${consul.address}/v1/health/service/a%2Fb%20c?passing=1`;
  assert.deepEqual(consul.requests, [{ url, token: "t0ken" }]);
});

const failing: [what: string, answer: () => Response, says: RegExp][] = [
  ["an error of Consul's", () => new Response("No cluster leader", { status: 500 }), /it answered 500/],
  ["a redirect", () => new Response(null, { status: 302, headers: { location: "/" } }), /it answered 302/],
  ["an answer that is no JSON", () => new Response("<html>"), /Cannot ask for Consul's g at 127/],
  ["an answer of another form", () => Response.json({}), /Cannot read Consul's answer/],
];
for (const [what, answer, says] of failing) {
  Deno.test(`newConsulFinder() rejects on ${what}`, async () => {
    await using consul = startConsul(answer);
    const find = newConsulFinder({ address: consul.address, service: "g" }, { clock: realClock, fetch });
    await assert.rejects(find(SIGNAL), says);
  });
}

Deno.test("newConsulFinder() rejects where nobody answers, in time or at all", async () => {
  const clock = new FakeClock();
  const fetch = (_: string, { signal }: RequestInit) =>
    new Promise<Response>((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)));
  const find = newConsulFinder({ address: "http://consul:8500", service: "g" }, { clock, fetch });
  const found = find(SIGNAL);
  const rejected = assert.rejects(found, /Cannot ask for Consul's g at consul:8500: there was no answer in time/);
  await clock.advance(10_000);
  await rejected;
  const refusing = newConsulFinder({ address: "http://127.0.0.1:1", service: "g" }, {
    clock: realClock,
    fetch: globalThis.fetch,
  });
  await assert.rejects(refusing(SIGNAL), /Cannot ask for Consul's g at 127.0.0.1:1: /);
});
