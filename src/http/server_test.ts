import { Hono } from "@hono/hono";
import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import { Buffer } from "node:buffer";
import net from "node:net";
import { type Clock, FakeClock, realClock } from "../clock/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import type { HttpAddress } from "./address.ts";
import { BodyTooLarge, type HttpBindings } from "./bridge.ts";
import { HttpListenError, type HttpServerConfig, startHttp } from "./server.ts";
import { newTestAuthority } from "./test_certificates.ts";

const LOOPBACK = { transport: "tcp", hostname: "127.0.0.1", port: 0 } satisfies HttpAddress;

/** An app that shows what of a request it was given. */
function newEcho() {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get("/connection", (c) => c.json(c.env.connection));
  app.get("/url", (c) => c.text(c.req.url));
  app.get("/headers", (c) => c.json([...c.req.raw.headers]));
  app.get("/cookies", (c) => {
    c.header("set-cookie", "a=1", { append: true });
    c.header("set-cookie", "b=2", { append: true });
    return c.body(null, 204);
  });
  app.post("/length", async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)));
  app.post("/ignore", (c) => c.text("ignored"));
  app.get("/large", (c) => c.body("x".repeat(5_000_000)));
  app.get("/throws", () => {
    throw new Error("out of order");
  });
  app.onError((error) => {
    throw error;
  });
  return app;
}

async function setup(config: Partial<HttpServerConfig> = {}, app = newEcho(), clock: Clock = realClock) {
  const reporter = recordingReporter();
  const server = await startHttp({ address: LOOPBACK, ...config }, { app, reporter, clock });
  return { server, reporter, url: `http://${server.address}` };
}

/** Speaks to a port or a path as it is told and resolves with all that came back once the server closes. */
function raw(to: number | string, ...parts: (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = typeof to === "string" ? net.connect(to) : net.connect(to, "127.0.0.1");
    const received: Uint8Array[] = [];
    socket.on("data", (bytes: Uint8Array) => received.push(bytes));
    socket.on("error", () => {}); // a reset is a close, too
    socket.on("close", () => resolve(new TextDecoder().decode(Buffer.concat(received))));
    for (const part of parts) socket.write(part);
  });
}

Deno.test("startHttp() serves on a port that it picks, and tells it", async () => {
  const { server, url } = await setup();
  await using _ = server;
  assert.ok(server.port! > 0);
  assert.equal(server.address, `127.0.0.1:${server.port}`);
  const response = await fetch(`${url}/connection`);
  const { remoteAddress, ...rest } = await response.json();
  assert.equal(remoteAddress, "127.0.0.1");
  assert.deepEqual(rest, { transport: "tcp", authenticated: false, localAddress: "127.0.0.1" });
});

Deno.test("startHttp() hands URL, headers and cookies through", async () => {
  const { server, url } = await setup();
  await using _ = server;
  assert.equal(await (await fetch(`${url}/url?a=%20b&c`)).text(), `${url}/url?a=%20b&c`);
  const headers = new Headers(await (await fetch(`${url}/headers`, { headers: { "x-a": "1, 2" } })).json());
  assert.equal(headers.get("x-a"), "1, 2");
  const cookies = await fetch(`${url}/cookies`);
  assert.equal(cookies.status, 204);
  assert.deepEqual(cookies.headers.getSetCookie(), ["a=1", "b=2"]);
});

Deno.test("startHttp() sends a whole answer with its length, and HEAD without a body", async () => {
  const { server, url } = await setup();
  await using _ = server;
  const large = await fetch(`${url}/large`);
  assert.equal((await large.text()).length, 5_000_000);
  const answer = await raw(server.port!, "GET /url HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(answer, /\r\ncontent-length: 12\r\n[^]*\r\nhttp:\/\/x\/url$/i);
  const head = await raw(server.port!, "HEAD /url HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
});

Deno.test("startHttp() counts requests by status", async () => {
  const { server, url, reporter } = await setup();
  for (const path of ["/url", "/url", "/nowhere"]) await (await fetch(url + path)).text();
  await server[Symbol.asyncDispose]();
  assert.match(reporter.metrics.text(), /^limier_http_requests_total\{code="200"\} 2$/m);
  assert.match(reporter.metrics.text(), /^limier_http_requests_total\{code="404"\} 1$/m);
});

const targets: [target: string, host: string, answer: RegExp][] = [
  ["/url", "a:1", /200[^]*http:\/\/a:1\/url$/],
  ["http://b/url", "a", /200[^]*http:\/\/b\/url$/],
  ["//evil/url", "a", /404/],
  ["/url", "a/..", /400/],
  ["/url", "a@b", /400/],
  ["/url", "", /400/],
  ["*", "a", /400/],
  ["ftp://b/url", "a", /400/],
];
for (const [target, host, answer] of targets) {
  Deno.test(`startHttp() answers ${target} at Host ${host} with ${answer.source}`, async () => {
    const { server } = await setup();
    await using _ = server;
    assert.match(
      await raw(server.port!, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      answer,
    );
  });
}

const malformed: [what: string, request: string, status: RegExp][] = [
  ["noise", "\x16\x03\x01 no HTTP at all\r\n\r\n", /^HTTP\/1\.1 400 /],
  ["no Host", "GET /url HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
  [
    "two lengths",
    "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    /^HTTP\/1\.1 400 /,
  ],
  [
    "a length and chunks",
    "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    /^HTTP\/1\.1 400 /,
  ],
  ["long headers", `GET /url HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
  ["TRACE", "TRACE /url HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400 /],
];
for (const [what, request, status] of malformed) {
  Deno.test(`startHttp() refuses ${what} and goes on`, async () => {
    const { server, url, reporter } = await setup();
    await using _ = server;
    assert.match(await raw(server.port!, request), status);
    assert.equal((await fetch(`${url}/cookies`)).status, 204);
    assert.deepEqual(reporter.lines, []);
  });
}

Deno.test("startHttp() answers 500 for what an app throws, and reports it", async () => {
  const { server, url, reporter } = await setup();
  await using _ = server;
  const response = await fetch(`${url}/throws`);
  assert.equal(response.status, 500);
  assert.equal(await response.text(), "Internal Server Error\n");
  assert.deepEqual(reporter.lines.map(({ level, message }) => [level, message]), [
    ["error", "Cannot answer an HTTP request"],
  ]);
});

const limits = { maxBodyBytes: 1_000 };
const bodies: [what: string, body: BodyInit, status: number, text: string][] = [
  ["1000 bytes", new Uint8Array(1_000), 200, "1000"],
  ["1000 bytes in chunks", chunked(4, 250), 200, "1000"],
  ["no bytes", "", 200, "0"],
  ["1001 bytes", new Uint8Array(1_001), 413, `${new BodyTooLarge(1_000).message}\n`],
  ["1250 bytes in chunks", chunked(5, 250), 413, `${new BodyTooLarge(1_000).message}\n`],
];
for (const [what, body, status, text] of bodies) {
  Deno.test(`startHttp() with a bound of 1000 answers a body of ${what} with ${status}`, async () => {
    const { server, url, reporter } = await setup({ limits });
    await using _ = server;
    const response = await fetch(`${url}/length`, { method: "POST", body });
    assert.equal(response.status, status);
    assert.equal(await response.text(), text);
    assert.deepEqual(reporter.lines, []);
  });
}

Deno.test("startHttp() doesn't take an unread body for the next request", async () => {
  const { server } = await setup({ limits });
  await using _ = server;
  const hidden = "GET /url HTTP/1.1\r\nHost: hidden\r\n\r\n";
  const head = `POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: ${hidden.length + 900}\r\n\r\n`;
  const answer = await raw(server.port!, head, hidden);
  assert.match(answer, /^HTTP\/1\.1 200 [^]*connection: close[^]*ignored$/i);
  assert.doesNotMatch(answer, /hidden/);
});

Deno.test("startHttp() streams, and tells the app when the client goes away", async () => {
  const cancelled = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const app = newEcho();
  app.get("/stream", (c) => {
    c.req.raw.signal.addEventListener("abort", () => aborted.resolve());
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("first\n")),
      cancel: () => cancelled.resolve(),
    });
    return c.body(stream);
  });
  const { server, url, reporter } = await setup({}, app);
  await using _ = server;
  const stop = new AbortController();
  const response = await fetch(`${url}/stream`, { signal: stop.signal });
  const reader = response.body!.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "first\n");
  const rest = reader.read().catch(() => "cut");
  stop.abort();
  assert.equal(await rest, "cut");
  await Promise.all([cancelled.promise, aborted.promise]);
  assert.deepEqual(reporter.lines, []);
});

Deno.test("startHttp() tells the app when the client goes away within the body", async () => {
  const failed = Promise.withResolvers<unknown>();
  const app = newEcho();
  app.post("/read", async (c) => {
    await c.req.text().catch(failed.resolve);
    return c.text("never");
  });
  const { server, reporter } = await setup({}, app);
  await using _ = server;
  const socket = net.connect(server.port!, "127.0.0.1");
  socket.write("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart", () => socket.destroy());
  assert.ok(await failed.promise instanceof Error);
  assert.deepEqual(reporter.lines, []);
});

Deno.test("startHttp() cuts an answer off when its stream fails", async () => {
  const app = newEcho();
  app.get("/stream", (c) => {
    let pulls = 0;
    return c.body(
      new ReadableStream({
        pull(controller) {
          if (pulls++ > 3) controller.error(new Error("disk"));
          else controller.enqueue(new Uint8Array(100));
        },
      }),
    );
  });
  const { server, url, reporter } = await setup({}, app);
  await using _ = server;
  await assert.rejects(fetch(`${url}/stream`).then((response) => response.text()));
  assert.equal((reporter.lines[0]?.fields.error as Error).message, "disk");
});

const slow: [what: string, parts: string[]][] = [
  ["says nothing", []],
  ["sends half a request line", ["GET /ur"]],
  ["sends a header without end", ["GET /url HTTP/1.1\r\nHost: a\r\nX-A: "]],
  ["sends half a body", ["POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"]],
  ["stays after its answer", ["GET /url HTTP/1.1\r\nHost: a\r\n\r\n"]],
];
for (const [what, parts] of slow) {
  Deno.test(`startHttp() closes on a client that ${what}`, async () => {
    const { server, reporter } = await setup({
      limits: { headersTimeoutMs: 100, requestTimeoutMs: 200, idleTimeoutMs: 300 },
    });
    await using _ = server;
    await raw(server.port!, ...parts); // resolves when the server closes
    assert.deepEqual(reporter.lines, []);
  });
}

Deno.test("startHttp() closes on a client that sends a header a byte at a time", async () => {
  const { server } = await setup({ limits: { headersTimeoutMs: 200 } });
  await using _ = server;
  const socket = net.connect(server.port!, "127.0.0.1");
  socket.on("error", () => {}); // writing to what the server closed
  socket.write("GET /url HTTP/1.1\r\nHost: a\r\nX-A: ");
  const drip = setInterval(() => socket.write("x"), 10);
  await new Promise((resolve) => socket.on("close", resolve));
  clearInterval(drip);
});

Deno.test("startHttp() closes on a client that doesn't read its answer", async () => {
  const cancelled = Promise.withResolvers<void>();
  const app = newEcho();
  app.get("/endless", (c) => {
    const pull = (controller: ReadableStreamDefaultController) => controller.enqueue(new Uint8Array(65_536));
    return c.body(new ReadableStream({ pull, cancel: () => cancelled.resolve() }));
  });
  const { server } = await setup({ limits: { idleTimeoutMs: 200 } }, app);
  await using _ = server;
  const socket = net.connect(server.port!, "127.0.0.1");
  socket.on("error", () => {}); // the server's close is a reset, as it had more to say
  socket.pause();
  socket.write("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  await cancelled.promise;
  await new Promise((resolve) => socket.on("close", resolve).destroy());
});

Deno.test("startHttp() bounds its connections", async () => {
  const { server, url } = await setup({ limits: { maxConnections: 2 } });
  await using _ = server;
  const held = await Promise.all([1, 2].map(() =>
    new Promise<net.Socket>((resolve) => {
      const socket = net.connect(server.port!, "127.0.0.1");
      socket.write("GET /url HTTP/1.1\r\nHost: a\r\n\r\n");
      socket.once("data", () => resolve(socket));
    })
  ));
  assert.equal(await raw(server.port!, "GET /url HTTP/1.1\r\nHost: a\r\n\r\n"), "");
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.on("close", resolve).destroy())));
  // The server may learn of it a moment later.
  for (;;) {
    const answer = await fetch(`${url}/cookies`).catch(() => undefined);
    if (answer?.status === 204) break;
  }
});

/** An app in which `/wait` answers when told. */
function newWaiting() {
  const app = newEcho();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  app.get("/wait", async (c) => {
    asked.resolve();
    await answer.promise;
    return c.text("late");
  });
  return { app, asked: asked.promise, answer: answer.resolve };
}

Deno.test("HttpServer's disposal lets requests end, and takes no others", async () => {
  const { app, asked, answer } = newWaiting();
  const { server, url } = await setup({}, app, new FakeClock());
  const idle = raw(server.port!, "GET /url HTTP/1.1\r\nHost: a\r\n\r\n");
  const waiting = raw(server.port!, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  await asked;
  const stopped = server[Symbol.asyncDispose]();
  await idle; // a connection without a request is closed at once
  await assert.rejects(fetch(`${url}/url`));
  answer();
  assert.match(await waiting, /connection: close[^]*late$/i);
  await stopped;
  await server.done;
  await server[Symbol.asyncDispose]();
});

Deno.test("HttpServer's disposal cuts requests off that take too long", async () => {
  const { app, asked, answer } = newWaiting();
  const clock = new FakeClock();
  const { server } = await setup({ limits: { stopTimeoutMs: 10_000 } }, app, clock);
  let closed = false;
  const waiting = raw(server.port!, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").finally(() => closed = true);
  await asked;
  const stopped = server[Symbol.asyncDispose]();
  await clock.advance(9_999);
  assert.equal(closed, false);
  await clock.advance(1);
  assert.equal(await waiting, "");
  await stopped;
  answer();
});

Deno.test("startHttp() says that a port is taken", async () => {
  const { server } = await setup();
  await using _ = server;
  await assert.rejects(setup({ address: { ...LOOPBACK, port: server.port! } }), (error) => {
    assert.ok(error instanceof HttpListenError);
    return error.message.startsWith(`Cannot serve HTTP on 127.0.0.1:${server.port}: `);
  });
});

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const CLOSE = "GET /connection HTTP/1.1\r\nHost: anything\r\nConnection: close\r\n\r\n";

Deno.test("startHttp() serves on a unix socket and removes it behind itself", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/limier.sock`;
    const { server } = await setup({ address: { transport: "unix", path } });
    assert.equal(server.address, path);
    assert.equal(server.port, undefined);
    assert.match(await raw(path, CLOSE), /\{"transport":"unix","authenticated":false\}$/);
    await server[Symbol.asyncDispose]();
    assert.deepEqual([...Deno.readDirSync(directory)], []);
  }));

Deno.test("startHttp() removes a socket that nobody serves, and nothing else", () =>
  inDirectory(async (directory) => {
    const address = { transport: "unix", path: `${directory}/limier.sock` } as const;
    const left = Deno.listen({ transport: "unix", path: `${directory}/other` });
    await Deno.rename(`${directory}/other`, address.path); // so that closing doesn't remove it
    left.close();
    const { server } = await setup({ address });
    assert.match(await raw(address.path, CLOSE), /200/);
    await assert.rejects(setup({ address }), /^HttpListenError: Cannot serve HTTP on .*: another process serves it$/);
    assert.match(await raw(address.path, CLOSE), /200/);
    await server[Symbol.asyncDispose]();
    await Deno.writeTextFile(address.path, "precious");
    await assert.rejects(setup({ address }), /the file there is no socket$/);
    assert.equal(await Deno.readTextFile(address.path), "precious");
  }));

Deno.test("HttpServer leaves the socket of a process that took its path over", () =>
  inDirectory(async (directory) => {
    const address = { transport: "unix", path: `${directory}/limier.sock` } as const;
    const { server: old } = await setup({ address });
    await Deno.remove(address.path);
    const { server } = await setup({ address });
    await old[Symbol.asyncDispose]();
    assert.match(await raw(address.path, CLOSE), /200/);
    await server[Symbol.asyncDispose]();
  }));

/** A listening socket that this runtime knows nothing of, as a parent process would hand it down. */
function openDescriptor(): { fd: number; port: number } {
  const libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  });
  const [AF_INET, SOCK_STREAM] = [2, 1];
  const name = new Uint8Array(16); // struct sockaddr_in
  name.set([AF_INET, 0, 0, 0, 127, 0, 0, 1]);
  const fd = libc.symbols.socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(libc.symbols.bind(fd, name, 16), 0);
  assert.equal(libc.symbols.listen(fd, 16), 0);
  assert.equal(libc.symbols.getsockname(fd, name, new Uint32Array([16])), 0);
  libc.close();
  return { fd, port: name[2]! << 8 | name[3]! };
}

// openDescriptor() fills Linux's structures, with its numbers.
const onLinux = Deno.build.os === "linux";
if (!onLinux) console.log("Not on Linux: startHttp() is not tested on descriptors");

Deno.test({
  name: "startHttp() serves on a descriptor that it did not open",
  ignore: !onLinux,
  fn: async () => {
    const { fd, port } = openDescriptor();
    const { server } = await setup({ address: { transport: "fd", fd } });
    assert.equal(server.address, `fd@${fd}`);
    assert.equal(server.port, port);
    assert.match(await raw(port, CLOSE), /"transport":"tcp"/);
    await server[Symbol.asyncDispose]();
    await assert.rejects(setup({ address: { transport: "fd", fd: 999_999 } }), /^HttpListenError: .* fd@999999: /);
  },
});

const CHILD = `
  import { startHttp } from "${import.meta.resolve("./server.ts")}";
  import { realClock } from "${import.meta.resolve("../clock/mod.ts")}";
  import { recordingReporter } from "${import.meta.resolve("../telemetry/mod.ts")}";
  const app = { fetch: () => new Response("from process " + Deno.pid) };
  const address = { transport: "fd", fd: Number(Deno.args[0]) };
  await using server = await startHttp({ address }, { app, reporter: recordingReporter(), clock: realClock });
  for await (const _ of Deno.stdin.readable);
`;

Deno.test({
  name: "startHttp() in a process that inherits a descriptor answers also who came before it",
  ignore: !onLinux,
  fn: async () => {
    const { fd, port } = openDescriptor();
    const early = raw(port, CLOSE);
    const command = new Deno.Command(Deno.execPath(), { args: ["eval", CHILD, String(fd)], stdin: "piped" });
    for (let restart = 0; restart < 2; restart++) {
      const child = command.spawn();
      assert.match(await (restart === 0 ? early : raw(port, CLOSE)), new RegExp(`from process ${child.pid}$`));
      await child.stdin.close();
      assert.equal((await child.status).code, 0);
    }
    await (await startHttp(
      { address: { transport: "fd", fd } },
      { app: newEcho(), reporter: recordingReporter(), clock: realClock },
    ))[Symbol.asyncDispose](); // closes it
  },
});

Deno.test("startHttp() speaks TLS, and asks for a client's certificate when it has an authority", () =>
  inDirectory(async (directory) => {
    const authority = await newTestAuthority("Limier test authority");
    const [own, client, stranger] = await Promise.all([
      authority.issue("server"),
      authority.issue("client"),
      newTestAuthority("Somebody else").then((other) => other.issue("client")),
    ]);
    const [certFile, keyFile, clientCaFile] = ["cert", "key", "ca"].map((name) => `${directory}/${name}.pem`) as [
      string,
      string,
      string,
    ];
    await Deno.writeTextFile(certFile, own.cert);
    await Deno.writeTextFile(keyFile, own.key);
    await Deno.writeTextFile(clientCaFile, authority.cert);

    const open = await setup({ tls: { certFile, keyFile } });
    assert.match(await askTls(open.server.port!, authority.cert), /"authenticated":false/);
    await assert.rejects(askTls(open.server.port!, authority.cert, undefined, http));
    await open.server[Symbol.asyncDispose]();

    const closed = await setup({ tls: { certFile, keyFile, clientCaFile } });
    assert.match(await askTls(closed.server.port!, authority.cert, client), /"authenticated":true/);
    await assert.rejects(askTls(closed.server.port!, authority.cert));
    await assert.rejects(askTls(closed.server.port!, authority.cert, stranger));
    assert.match(await askTls(closed.server.port!, authority.cert, client), /"authenticated":true/);
    await closed.server[Symbol.asyncDispose]();
  }));

function askTls(
  port: number,
  ca: string,
  client: { cert: string; key: string } | undefined = undefined,
  by: Pick<typeof https, "get"> = https,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { port, host: "127.0.0.1", path: "/connection", ca, agent: false, ...client };
    const request = by.get(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => text += part).on("end", () => resolve(text)).on(
        "error",
        reject,
      );
    });
    request.on("error", reject);
  });
}

function chunked(count: number, size: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent++ < count) controller.enqueue(new Uint8Array(size));
      else controller.close();
    },
  });
}
