import assert from "node:assert/strict";
import { connectionHosts, type HostSettings, makeClients, NoHostsError } from "./hosts.ts";

const made: [id: string, settings: HostSettings, hosts: string][] = [
  ["SC-2", { hosts: ["a"] }, "a"],
  ["SC-3", { hosts: ["a"], worker: 3 }, "aaa"],
  ["SC-4", { hosts: ["a", "b"] }, "ab"],
  ["SC-5", { hosts: ["a", "b"], worker: 3 }, "aaabbb"],
  ["SC-7", { hosts: ["a"], worker: 3, workers: 2 }, "aaa"],
  ["MC-1", { hosts: ["a"], workers: 2 }, "aa"],
  ["MC-1", { host: "z" }, "z"],
  ["MC-1", { hosts: [], host: "z" }, "z"],
  ["MC-1", { hosts: ["a"], host: "z" }, "a"],
  ["MC-1", { hosts: ["a"], worker: 0 }, "a"],
  ["MC-1", { hosts: ["a"], worker: -2 }, "a"],
];
for (const [id, settings, hosts] of made) {
  Deno.test(`${id} makeClients() of ${JSON.stringify(settings)} makes ${hosts}`, () => {
    const clients = makeClients(settings, (host) => ({ host, close: () => Promise.resolve() }));
    assert.equal(clients.map(({ host }) => host).join(""), hosts);
    assert.equal(clients.map(({ client }) => client.host).join(""), hosts);
    assert.equal(new Set(clients.map(({ client }) => client)).size, clients.length);
  });
}

for (const settings of [{}, { hosts: [] }, { host: "" }, { hosts: [], worker: 3 }]) {
  Deno.test(`SC-1 makeClients() of ${JSON.stringify(settings)} makes none and says why`, () => {
    const newClient = () => assert.fail("a client was made");
    assert.throws(() => makeClients(settings, newClient), NoHostsError);
    assert.throws(() => connectionHosts(settings), { code: "output.no_hosts" });
  });
}

Deno.test("SC-6 makeClients() closes what was made, once each, when a client can't be made", () => {
  const closed: number[] = [];
  let calls = 0;
  const failure = new Error("the third");
  const newClient = () => {
    const call = ++calls;
    if (call === 3) throw failure;
    return {
      close: () => {
        closed.push(call);
        return call === 1 ? Promise.reject(new Error("ignored")) : Promise.resolve();
      },
    };
  };
  assert.throws(() => makeClients({ hosts: ["a", "b"], worker: 3 }, newClient), failure);
  assert.deepEqual(closed, [1, 2]);
  assert.equal(calls, 3);
});
