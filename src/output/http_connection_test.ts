import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import { freePort } from "../testing/mod.ts";
import { DeliveryError, type DeliveryFailure, type OutputConfig } from "./contract.ts";
import { HttpConnection, type HttpRequest } from "./http_connection.ts";
import { parseHttpTarget } from "./http_target.ts";
import { forever, outputConfig, scriptedFetch, testDeps } from "./testing.ts";
import { testUnless } from "../testing/mod.ts";

const REQUEST: HttpRequest = {
  method: "POST",
  path: "/x?api_key=SECRET",
  headers: { "Content-Type": "text/plain" },
  body: new TextEncoder().encode("hello"),
  action: "test",
};

function connectionTo(entry: string, changes: Partial<OutputConfig> = {}) {
  return new HttpConnection(parseHttpTarget(entry)!, outputConfig(changes), testDeps(fetch, realClock));
}

/** A server that does `serve` with each connection; its port. */
function listen(serve: (connection: Deno.Conn) => Promise<void>) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const connections = new Set<Deno.Conn>();
  const served = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      await serve(connection);
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
      for (const connection of connections) {
        try {
          connection.close();
        } catch { /* the test closed it already */ }
      }
    },
  };
}

async function answer(connection: Deno.Conn, text: string): Promise<void> {
  await connection.read(new Uint8Array(65_536));
  await connection.write(new TextEncoder().encode(text));
  connection.close();
}

async function failureOf(entry: string, changes: Partial<OutputConfig> = {}, signal = forever): Promise<DeliveryError> {
  const connection = connectionTo(entry, changes);
  await connection.connect();
  const outcome = await connection.send(REQUEST, signal);
  connection.close();
  assert.ok(outcome instanceof DeliveryError);
  assert.ok(!Deno.inspect(outcome).includes("SECRET"));
  return outcome;
}

const broken: [
  what: string,
  serve: (connection: Deno.Conn) => Promise<void>,
  failure: DeliveryFailure,
  label: string,
][] = [
  ["closes without an answer", (connection) => answer(connection, ""), "ambiguous", "io"],
  ["answers garbage", (connection) => answer(connection, "garbage\r\n\r\n"), "ambiguous", "io"],
  [
    "breaks off its answer",
    (connection) => answer(connection, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
    "ambiguous",
    "readresponse",
  ],
  [
    "redirects",
    (connection) =>
      answer(connection, "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"),
    "configuration",
    "302",
  ],
];
for (const [what, serve, failure, label] of broken) {
  Deno.test(`HttpConnection.send() meets a server that ${what}`, async () => {
    await using server = listen(serve);
    const error = await failureOf(`http://127.0.0.1:${server.port}`);
    assert.deepEqual([error.failure, error.label], [failure, label]);
  });
}

Deno.test("HttpConnection.send() sends a request once, also where an earlier one left a connection", async () => {
  let requests = 0;
  await using server = listen(async (connection) => {
    const some = new Uint8Array(65_536);
    if (++requests > 1) return await answer(connection, ""); // read, perhaps executed, and never answered
    await connection.read(some);
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    void connection.read(some).then((more) => { // the next request, were the connection used again
      if (more !== null) requests++;
      connection.close();
    });
  });
  const connection = connectionTo(`http://127.0.0.1:${server.port}`);
  await connection.connect();
  assert.ok(!(await connection.send(REQUEST, forever) instanceof DeliveryError));
  const error = await connection.send(REQUEST, forever);
  connection.close();
  assert.ok(error instanceof DeliveryError);
  assert.equal(error.failure, "ambiguous");
  assert.equal(requests, 2);
});

Deno.test("HttpConnection.send() meets a server that is not there", async () => {
  assert.equal((await failureOf(`http://127.0.0.1:${freePort()}`)).failure, "connection");
});

Deno.test("HttpConnection.send() meets a server that never answers", async () => {
  await using server = listen(() => Promise.resolve());
  const stop = new AbortController();
  const failed = failureOf(`http://127.0.0.1:${server.port}`, {}, stop.signal);
  setTimeout(() => stop.abort(), 20);
  assert.equal((await failed).failure, "ambiguous");
});

Deno.test("HttpConnection.close() ends a request under way, and connect() opens it again", async () => {
  await using server = listen(() => Promise.resolve());
  const connection = connectionTo(`http://127.0.0.1:${server.port}`);
  await connection.connect();
  const sent = connection.send(REQUEST, forever);
  connection.close();
  assert.ok(await sent instanceof DeliveryError);
  assert.equal(connection.isConnected, false);
  await connection.connect();
  assert.equal(connection.isConnected, true);
  connection.close();
});

Deno.test("HttpConnection.isConnected is false from a lost connection to the next connect()", async () => {
  const connection = connectionTo(`http://127.0.0.1:${freePort()}`);
  assert.equal(connection.isConnected, false);
  await connection.connect();
  assert.equal(connection.isConnected, true);
  await connection.send(REQUEST, forever);
  assert.equal(connection.isConnected, false);
  await connection.connect();
  assert.equal(connection.isConnected, true);
  connection.close();
});

Deno.test("HttpConnection.isConnected stays true while another request is under way", async () => {
  const answerLater = Promise.withResolvers<void>();
  let connections = 0;
  await using server = listen((connection) => {
    if (++connections > 1) return answer(connection, "");
    void answerLater.promise.then(() => answer(connection, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    return Promise.resolve();
  });
  const connection = connectionTo(`http://127.0.0.1:${server.port}`);
  await connection.connect();
  const first = connection.send(REQUEST, forever);
  while (connections === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(await connection.send(REQUEST, forever) instanceof DeliveryError);
  assert.equal(connection.isConnected, true);
  answerLater.resolve();
  assert.ok(!(await first instanceof DeliveryError));
  connection.close();
});

Deno.test("HttpConnection.send() adds the entry's credentials and keeps 64 KiB of an answer", async () => {
  const { fetch, requests } = scriptedFetch(() => new Response("x".repeat(200_000), { headers: { a: "b" } }));
  const connection = new HttpConnection(parseHttpTarget("http://me:pw@h")!, outputConfig(), testDeps(fetch));
  const reply = await connection.send(REQUEST, forever);
  assert.ok(!(reply instanceof DeliveryError));
  assert.deepEqual([reply.status, reply.headers.get("a"), reply.body.length], [200, "b", 65_536]);
  assert.equal(requests[0]!.url, "http://h/x?api_key=SECRET");
  assert.equal(requests[0]!.headers.get("authorization"), `Basic ${btoa("me:pw")}`);
});

const badTls: [what: string, changes: Partial<OutputConfig>, message: RegExp][] = [
  ["a missing ca_file", { tls: { caFile: "/nonexistent.pem" } }, /settings are not usable/],
  ["a ca_file without a certificate", { tls: { caFile: import.meta.filename! } }, /holds no PEM certificate/],
  ["server_name with a proxy", { tls: { serverName: "a" }, proxy: "http://p:1" }, /exclude each other/],
];
for (const [what, changes, message] of badTls) {
  Deno.test(`HttpConnection.connect() refuses ${what}`, async () => {
    const connection = connectionTo("https://127.0.0.1", changes);
    await assert.rejects(connection.connect(), (error) => {
      assert.ok(error instanceof DeliveryError && error.failure === "configuration");
      assert.match(error.message, message);
      return true;
    });
    assert.equal(connection.isConnected, false);
    connection.close();
  });
}

/** Certificates made on the spot: one that is checked in would expire. */
async function makeCertificates(directory: string): Promise<void> {
  await Deno.writeTextFile(`${directory}/ext`, "subjectAltName=DNS:svc.example\nbasicConstraints=CA:FALSE\n");
  const commands = [
    "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca",
    "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=svc",
    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile ext",
  ];
  for (const command of commands) {
    const { success } = await new Deno.Command("openssl", { args: command.split(" "), cwd: directory, stderr: "null" })
      .output();
    assert.ok(success, command);
  }
}

function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false; // not installed
  }
}

testUnless(
  hasOpenssl() ? undefined : "there is no openssl",
  "HttpConnection verifies certificates, by another name where told",
  async () => {
    const directory = await Deno.makeTempDir();
    await makeCertificates(directory);
    const [cert, key] = [`${directory}/server.pem`, `${directory}/server.key`].map((path) =>
      Deno.readTextFileSync(path)
    );
    const caFile = `${directory}/ca.pem`;
    const lengths: number[] = [];
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", cert: cert!, key: key!, onListen() {} },
      async (request) => {
        lengths.push((await request.bytes()).length);
        return new Response(null, { status: 204 });
      },
    );
    const entry = `https://127.0.0.1:${server.addr.port}`;

    assert.equal((await failureOf(entry)).failure, "configuration"); // unknown authority
    assert.equal((await failureOf(entry, { tls: { caFile } })).failure, "configuration"); // another name
    assert.equal((await failureOf(entry, { tls: { caFile, serverName: "other.example" } })).failure, "configuration");
    assert.deepEqual(lengths, []);

    const connection = connectionTo(entry, { tls: { caFile, serverName: "svc.example" } });
    await connection.connect();
    for (let i = 0; i < 2; i++) {
      const reply = await connection.send(REQUEST, forever);
      assert.ok(!(reply instanceof DeliveryError), String(reply));
      assert.equal(reply.status, 204);
    }
    connection.close();
    assert.deepEqual(lengths, [5, 5]);
    await server.shutdown();
    await Deno.remove(directory, { recursive: true });
  },
);
