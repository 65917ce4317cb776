import assert from "node:assert/strict";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";
import { gzipSync } from "node:zlib";
import { FakeClock, realClock } from "../clock/mod.ts";
import { connectGrpc, type GrpcConnection } from "./client.ts";
import { frameMessages } from "./messages.ts";
import { type GrpcMethods, unary } from "./service.ts";
import { endApart } from "./session_end.ts";
import { Code, codeName, type GrpcStatus, unescapeMessage } from "./status.ts";
import { healthMethods } from "./health.ts";
import { PATIENCE_MS, startTestServer, until } from "./testing.ts";

const EMPTY = new Uint8Array(0);

/** `/t.T/Unary` refuses a message that starts with 9; `/t.T/Stream` too, and keeps the sizes of the others. */
function methods(sizes: number[] = [], whole: number[] = []): GrpcMethods {
  const nine: GrpcStatus = { code: Code.ABORTED, message: "nine, 100 % à" };
  return {
    "/t.T/Unary": unary(1000, (bytes) => bytes[0] === 9 ? nine : EMPTY),
    "/t.T/Stream": {
      kind: "clientStream",
      maxMessageBytes: 1000,
      newCall: () => {
        let messages = 0;
        return {
          message(bytes) {
            messages++;
            sizes.push(bytes.length);
            return bytes[0] === 9 ? nine : undefined;
          },
          end() {
            whole.push(messages);
            return EMPTY;
          },
        };
      },
    },
  };
}

/** A call made by hand: what is sent as it is, and what comes back. */
function rawCall(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Uint8Array) {
  const stream = session.request({ ":method": "POST", "content-type": "application/grpc", te: "trailers", ...headers });
  const answer = Promise.withResolvers<{ http: number; status: string; message: string; body: number }>();
  let http = 0, status = "none", message = "", bytes = 0;
  const tell = (fields: Record<string, unknown>) => {
    if (fields["grpc-status"] === undefined) return;
    status = codeName(Number(fields["grpc-status"]) as Code);
    message = unescapeMessage(String(fields["grpc-message"] ?? ""));
  };
  stream.on("response", (fields) => {
    http = Number(fields[":status"]);
    tell(fields);
  });
  stream.on("trailers", tell);
  stream.on("data", (chunk: Uint8Array) => bytes += chunk.length);
  stream.on("error", () => {}); // "close" tells
  stream.on("close", () => answer.resolve({ http, status, message, body: bytes }));
  if (body !== undefined) stream.end(body);
  return { stream, answer: answer.promise };
}

async function withSession<T>(port: number, use: (session: ClientHttp2Session) => Promise<T>): Promise<T> {
  const session = endApart(connect(`http://127.0.0.1:${port}`));
  session.on("error", () => {}); // each call tells
  try {
    return await use(session);
  } finally {
    session.destroy();
  }
}

function connectTo(port: number): Promise<GrpcConnection> {
  return connectGrpc({ hostname: "127.0.0.1", port }, PATIENCE_MS, { clock: realClock });
}

const ONE = frameMessages([Uint8Array.of(1, 2)]);
const calls: [
  what: string,
  headers: OutgoingHttpHeaders,
  body: Uint8Array,
  http: number,
  status: string,
  message: RegExp,
][] = [
  ["a message", { ":path": "/t.T/Unary" }, ONE, 200, "OK", /^$/],
  [
    "proto in the content type",
    { ":path": "/t.T/Unary", "content-type": "application/grpc+proto" },
    ONE,
    200,
    "OK",
    /^$/,
  ],
  ["a stream of none", { ":path": "/t.T/Stream" }, EMPTY, 200, "OK", /^$/],
  [
    "gzip",
    { ":path": "/t.T/Unary", "grpc-encoding": "gzip" },
    (() => {
      const framed = frameMessages([gzipSync(new Uint8Array(900))]);
      framed[0] = 1;
      return framed;
    })(),
    200,
    "OK",
    /^$/,
  ],
  [
    "what a method refuses",
    { ":path": "/t.T/Unary" },
    frameMessages([Uint8Array.of(9)]),
    200,
    "ABORTED",
    /^nine, 100 % à$/,
  ],
  ["no method", { ":path": "/t.T/None" }, ONE, 200, "UNIMPLEMENTED", /no such method/],
  [
    "an encoding",
    { ":path": "/t.T/Unary", "grpc-encoding": "snappy" },
    ONE,
    200,
    "UNIMPLEMENTED",
    /send identity, deflate, gzip/,
  ],
  ["no message", { ":path": "/t.T/Unary" }, EMPTY, 200, "INTERNAL", /there is no message/],
  ["two messages", { ":path": "/t.T/Unary" }, frameMessages([EMPTY, EMPTY]), 200, "INTERNAL", /more than one/],
  ["half a message", { ":path": "/t.T/Unary" }, ONE.slice(0, 6), 200, "INTERNAL", /the stream ends/],
  ["half a stream", { ":path": "/t.T/Stream" }, ONE.slice(0, 6), 200, "INTERNAL", /the stream ends/],
  ["a flag", { ":path": "/t.T/Stream" }, Uint8Array.of(7, 0, 0, 0, 0), 200, "INTERNAL", /flag 7/],
  [
    "too long a message",
    { ":path": "/t.T/Unary" },
    frameMessages([new Uint8Array(1001)]),
    200,
    "RESOURCE_EXHAUSTED",
    /1001/,
  ],
  ["a timeout that is none", { ":path": "/t.T/Unary", "grpc-timeout": "soon" }, ONE, 200, "INTERNAL", /grpc-timeout/],
  ["another content type", { ":path": "/t.T/Unary", "content-type": "application/json" }, ONE, 415, "none", /^$/],
  ["gRPC-Web", { ":path": "/t.T/Unary", "content-type": "application/grpc-web" }, ONE, 415, "none", /^$/],
  ["PUT", { ":method": "PUT", ":path": "/t.T/Unary" }, ONE, 405, "none", /^$/],
];
for (const [what, headers, body, http, status, message] of calls) {
  Deno.test(`startGrpcServer() answers ${what} with ${status === "none" ? http : status}`, async () => {
    await using server = await startTestServer(methods());
    const answer = await withSession(server.port, (session) => rawCall(session, headers, body).answer);
    assert.deepEqual([answer.http, answer.status], [http, status]);
    assert.match(answer.message, message);
    assert.equal(answer.body, status === "OK" ? 5 : 0);
    if (status !== "none") assert.deepEqual(server.ended.map((one) => codeName(one.status.code)), [status]);
  });
}

Deno.test("startGrpcServer() takes a stream as it comes", async () => {
  const sizes: number[] = [], whole: number[] = [];
  await using server = await startTestServer(methods(sizes, whole));
  await withSession(server.port, async (session) => {
    const { stream, answer } = rawCall(session, { ":path": "/t.T/Stream" });
    stream.write(frameMessages([new Uint8Array(3), new Uint8Array(4)]));
    await until("both are taken", () => sizes.length === 2);
    assert.deepEqual(whole, []);
    const late = frameMessages([new Uint8Array(5)]);
    stream.write(late.slice(0, 7));
    stream.end(late.slice(7));
    assert.equal((await answer).status, "OK");
  });
  assert.deepEqual([sizes, whole], [[3, 4, 5], [3]]);
});

Deno.test("startGrpcServer() refuses a stream at once, however much of it is still to come", async () => {
  const sizes: number[] = [];
  await using server = await startTestServer(methods(sizes));
  using connection = await connectTo(server.port);
  const many = Array.from({ length: 20_000 }, (_, i) => new Uint8Array(900).fill(i === 10 ? 9 : 1));
  const { status } = await connection.call("/t.T/Stream", many, { timeoutMs: PATIENCE_MS });
  assert.deepEqual(status, { code: Code.ABORTED, message: "nine, 100 % à" });
  assert.equal(sizes.length, 11);
  const after = await connection.call("/t.T/Unary", [EMPTY], { timeoutMs: PATIENCE_MS });
  assert.equal(after.status.code, Code.OK, "the connection goes on");
});

Deno.test("startGrpcServer() ends a call when its deadline is over", async () => {
  const clock = new FakeClock();
  const sizes: number[] = [];
  await using server = await startTestServer(methods(sizes), { clock });
  await withSession(server.port, async (session) => {
    const { stream, answer } = rawCall(session, { ":path": "/t.T/Stream", "grpc-timeout": "2S" });
    stream.write(ONE);
    await until("the message is taken", () => sizes.length === 1);
    await clock.advance(1_999);
    assert.deepEqual(server.ended, []);
    await clock.advance(1);
    assert.equal((await answer).status, "DEADLINE_EXCEEDED");
  });
});

Deno.test("startGrpcServer() bounds what all calls hold of messages that are not complete", async () => {
  await using server = await startTestServer(methods(), { maxHeldBytes: 1500 });
  await withSession(server.port, async (session) => {
    const half = frameMessages([new Uint8Array(1000)]).slice(0, 900);
    const first = rawCall(session, { ":path": "/t.T/Unary" });
    first.stream.write(half);
    const second = rawCall(session, { ":path": "/t.T/Unary" });
    second.stream.write(half);
    const refused = await Promise.race([first.answer, second.answer]);
    assert.equal(refused.status, "RESOURCE_EXHAUSTED");
    // What the refused one held is free again.
    const third = await rawCall(session, { ":path": "/t.T/Unary" }, ONE).answer;
    assert.equal(third.status, "OK");
  });
});

Deno.test("startGrpcServer() counts a caller that goes away, and holds nothing for it", async () => {
  const sizes: number[] = [];
  await using server = await startTestServer(methods(sizes));
  await withSession(server.port, async (session) => {
    const { stream } = rawCall(session, { ":path": "/t.T/Stream" });
    stream.write(ONE);
    await until("the message is taken", () => sizes.length === 1);
  });
  await until("the call has ended", () => server.ended.length === 1);
  assert.equal(server.ended[0]!.status.code, Code.CANCELLED);
  await until("the connection is closed", () => server.connections.closed === 1);
});

Deno.test("startGrpcServer() closes what is idle, and what says nothing of HTTP/2", async () => {
  const clock = new FakeClock();
  const sizes: number[] = [];
  await using server = await startTestServer(methods(sizes), { clock, idleTimeoutMs: 40_000 });
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await withSession(server.port, async (session) => {
    const { stream } = rawCall(session, { ":path": "/t.T/Stream" });
    await until("both are there", () => server.connections.opened === 2);
    await clock.advance(30_000);
    stream.write(ONE);
    await until("the message is taken", () => sizes.length === 1);
    await clock.advance(20_000);
    await until("the silent one is closed", () => server.connections.closed === 1);
    assert.equal(
      await silent.read(new Uint8Array(100)).then((n) => n === null ? null : silent.read(new Uint8Array(100))),
      null,
    );
    await clock.advance(40_000);
    await until("the other is closed too", () => server.connections.closed === 2);
  });
});

Deno.test("startGrpcServer() closes a connection for which there is no room", async () => {
  await using server = await startTestServer(methods(), { most: 1 });
  using first = await connectTo(server.port);
  await assert.rejects(connectTo(server.port), /Cannot connect to 127\.0\.0\.1/);
  assert.equal((await first.call("/t.T/Unary", [EMPTY], { timeoutMs: PATIENCE_MS })).status.code, Code.OK);
});

Deno.test("startGrpcServer() stands connections that speak something else", async () => {
  await using server = await startTestServer(methods());
  for (
    const text of [
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "\0\0\0\0\0",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ]
  ) {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await client.write(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    const buffer = new Uint8Array(1000);
    // It may say something before it closes, and may close with a reset.
    while (await client.read(buffer).catch(() => null) !== null);
  }
  await until("all are closed", () => server.connections.closed === 3);
  using connection = await connectTo(server.port);
  assert.equal((await connection.call("/t.T/Unary", [EMPTY], { timeoutMs: PATIENCE_MS })).status.code, Code.OK);
});

Deno.test("the stop takes in what has arrived, ends what is open, and tells those that watch", async () => {
  const sizes: number[] = [];
  const server = await startTestServer({ ...methods(sizes), ...healthMethods(["web"]) });
  await withSession(server.port, async (session) => {
    const open = rawCall(session, { ":path": "/t.T/Stream" });
    const watch = rawCall(session, { ":path": "/grpc.health.v1.Health/Watch" }, frameMessages([EMPTY]));
    await new Promise<ClientHttp2Stream>((resolve) => watch.stream.once("response", () => resolve(watch.stream)));
    for (let i = 0; i < 50; i++) open.stream.write(ONE);
    await server[Symbol.asyncDispose]();
    assert.equal(sizes.length, 50);
    assert.equal((await open.answer).status, "UNAVAILABLE");
    const told = await watch.answer;
    assert.deepEqual([told.status, told.body], ["UNAVAILABLE", 2 * 7], "SERVING, then NOT_SERVING");
  });
  await assert.rejects(connectTo(server.port));
  await server[Symbol.asyncDispose](); // twice is harmless
});
