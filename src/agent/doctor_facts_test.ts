import assert from "node:assert/strict";
import { readDoctorFacts } from "./doctor_facts.ts";
import { probePort } from "./port_probe.ts";

const linux = { ignore: Deno.build.os !== "linux" };

Deno.test({
  ...linux,
  name: "readDoctorFacts() looks at this host and leaves nothing behind",
  fn: async () => {
    const stateDirectory = await Deno.makeTempDir();
    const facts = await readDoctorFacts({ stateDirectory });
    assert.equal(facts.os, "linux");
    assert.equal(facts.ffiRefusal, null);
    assert.deepEqual(facts.receiveBuffers.map(({ askedBytes }) => askedBytes), [2_097_152, 4_194_304]);
    assert.ok(facts.receiveBuffers.every(({ grantedBytes }) => grantedBytes > 0));
    assert.ok(facts.udp !== null && facts.udp.bufferDrops >= 0);
    assert.ok(facts.openFiles !== null && facts.openFiles.soft <= facts.openFiles.hard);
    assert.deepEqual(facts.stateDirectory, { path: stateDirectory, exists: true, refusal: null });
    assert.deepEqual([...Deno.readDirSync(stateDirectory)], []);
  },
});

Deno.test("readDoctorFacts() tells whether a directory that is not there can be made", async () => {
  const parent = await Deno.makeTempDir();
  const { stateDirectory } = await readDoctorFacts({ stateDirectory: `${parent}/a/b` });
  assert.deepEqual(stateDirectory, { path: `${parent}/a/b`, exists: false, refusal: null });
  assert.deepEqual([...Deno.readDirSync(parent)], []);
});

Deno.test("readDoctorFacts() says why a file is no directory", async () => {
  const { stateDirectory } = await readDoctorFacts({ stateDirectory: await Deno.makeTempFile() });
  assert.notEqual(stateDirectory.refusal, null);
});

Deno.test("probePort() finds a free port free", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  assert.equal((await probePort("udp", port)).refusal, null);
});

Deno.test({
  ...linux,
  name: "probePort() says who has a UDP port",
  fn: async () => {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = socket.addr as Deno.NetAddr;
    const fact = await probePort("udp", port);
    socket.close();
    assert.equal(fact.refusal, "in use");
    assert.match(fact.owner ?? "", new RegExp(`\\(pid ${Deno.pid}\\)$`));
    assert.equal(fact.ownerIsLimier, false);
    assert.equal(fact.answer, null);
  },
});

const answers: [response: () => Response, answer: string][] = [
  [() => new Response("1.2.3\nmore"), "1.2.3"],
  [() => new Response("no", { status: 404 }), "HTTP 404"],
];
for (const [response, answer] of answers) {
  Deno.test(`probePort() says that a TCP port answers ${answer}`, async () => {
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, response);
    const fact = await probePort("tcp", server.addr.port);
    assert.equal(fact.refusal, "in use");
    assert.equal(fact.answer, answer);
  });
}

Deno.test("probePort() has no answer of what does not speak HTTP", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const greeting = (async () => {
    const connection = await listener.accept();
    await connection.write(new TextEncoder().encode("220 mail\r\n"));
    connection.close();
  })();
  const fact = await probePort("tcp", (listener.addr as Deno.NetAddr).port);
  await greeting;
  listener.close();
  assert.equal(fact.answer, null);
});
