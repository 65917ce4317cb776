import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { newPodFinder, podMembers, readPodAccount } from "./kubernetes.ts";

const pod = (podIP: string, ports: object[], phase = "Running") => ({
  metadata: { name: "veneur-global-1" },
  status: { phase, podIP },
  spec: { containers: [{ name: "sidecar" }, { name: "veneur", ports }] },
});
const port = (name: string, containerPort: number, protocol?: string) => ({ name, containerPort, protocol });

const members: [what: string, pod: object, members: string[]][] = [
  ["a port named grpc", pod("10.1.0.1", [port("http", 8127, "TCP"), port("grpc", 8128, "TCP")]), ["10.1.0.1:8128"]],
  ["a port named http", pod("10.1.0.1", [port("x", 1), port("http", 8127)]), ["http://10.1.0.1:8127"]],
  ["any port for TCP", pod("10.1.0.1", [port("s", 8125, "UDP"), port("y", 8127)]), ["http://10.1.0.1:8127"]],
  ["IPv6", pod("fd00::5", [port("grpc", 8128)]), ["[fd00::5]:8128"]],
  ["no port for TCP", pod("10.1.0.1", [port("grpc", 8125, "UDP")]), []],
  ["a pod that waits", pod("10.1.0.1", [port("grpc", 8128)], "Pending"), []],
  ["a pod without an address", pod("", [port("grpc", 8128)]), []],
  ["a pod without anything", {}, []],
];
for (const [what, one, expected] of members) {
  Deno.test(`podMembers() of ${what}`, () => assert.deepEqual(podMembers({ kind: "PodList", items: [one] }), expected));
}

for (const answer of [null, [], {}, { items: {} }]) {
  Deno.test(`podMembers() refuses ${JSON.stringify(answer)}`, () => assert.throws(() => podMembers(answer), TypeError));
}

Deno.test("newPodFinder() lists the pods of its namespace by their label, with the token of the moment", async () => {
  const requests: { readonly url: string; readonly authorization: string | null }[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push({ url: request.url, authorization: request.headers.get("authorization") });
    return Response.json({ items: [pod("10.1.0.1", [port("grpc", 8128)])] });
  });
  const apiServer = `http://127.0.0.1:${server.addr.port}`;
  let tokens = 0;
  const account = { apiServer, namespace: "metrics", token: () => Promise.resolve(`t${++tokens}`) };
  const find = newPodFinder("app=veneur-global", account, { clock: realClock, fetch });
  for (let i = 0; i < 2; i++) assert.deepEqual(await find(new AbortController().signal), ["10.1.0.1:8128"]);
  const url = `${apiServer}/api/v1/namespaces/metrics/pods?labelSelector=app%3Dveneur-global`;
  assert.deepEqual(requests, [{ url, authorization: "Bearer t1" }, { url, authorization: "Bearer t2" }]);
});

Deno.test("readPodAccount() says where it is missing that there is no cluster", async () => {
  await assert.rejects(readPodAccount({}), /KUBERNETES_SERVICE_HOST is not set/);
});
