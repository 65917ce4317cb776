import assert from "node:assert/strict";
import { constants, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { FakeClock, realClock } from "../clock/mod.ts";
import { connectGrpc, formatTarget, GrpcConnectError } from "./client.ts";
import { endApart } from "./session_end.ts";
import { Code, codeName } from "./status.ts";
import { PATIENCE_MS, until } from "./testing.ts";

/** A server that answers each call by hand. */
async function startByHand(answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => void sessions.add(endApart(session)));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {}); // the client says what it saw
    answer(stream as ServerHttp2Stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    target: { hostname: "127.0.0.1", port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A server's answer: headers, an answer of so many messages, trailers. */
function answering(messages: number, trailers: Record<string, string>): (stream: ServerHttp2Stream) => void {
  return (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.resume();
    stream.on("end", () => stream.end(new Uint8Array(5 * messages)));
  };
}

const outcomes: [
  what: string,
  answer: (stream: ServerHttp2Stream) => void,
  code: keyof typeof Code,
  untouched: boolean,
  message: RegExp,
][] = [
  ["an answer", answering(1, { "grpc-status": "0" }), "OK", false, /^$/],
  ["no answer and OK", answering(0, { "grpc-status": "0" }), "INTERNAL", false, /there were 0 answers/],
  ["two answers", answering(2, { "grpc-status": "0" }), "INTERNAL", false, /there were 2 answers/],
  [
    "an error behind an answer",
    answering(1, { "grpc-status": "10", "grpc-message": "n%C3%A9" }),
    "ABORTED",
    false,
    /^né$/,
  ],
  ["a code of tomorrow", answering(0, { "grpc-status": "77" }), "UNKNOWN", false, /^$/],
  ["trailers without a status", answering(1, { other: "1" }), "UNAVAILABLE", false, /./],
  [
    "an error alone",
    (stream) => stream.respond({ ":status": 200, "grpc-status": "12", "grpc-message": "none" }, { endStream: true }),
    "UNIMPLEMENTED",
    false,
    /^none$/,
  ],
  ["HTTP 503", (stream) => stream.respond({ ":status": 503 }, { endStream: true }), "UNAVAILABLE", false, /HTTP 503/],
  ["HTTP 404", (stream) => stream.respond({ ":status": 404 }, { endStream: true }), "UNIMPLEMENTED", false, /HTTP 404/],
  [
    "REFUSED_STREAM",
    (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
    "UNAVAILABLE",
    true,
    /refused the call/,
  ],
  ["INTERNAL_ERROR", (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), "UNAVAILABLE", false, /./],
  [
    "ENHANCE_YOUR_CALM",
    (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    "RESOURCE_EXHAUSTED",
    false,
    /./,
  ],
  ["a connection that breaks", (stream) => stream.session!.destroy(), "UNAVAILABLE", false, /./],
];
for (const [what, answer, code, untouched, message] of outcomes) {
  Deno.test(`call() of a server with ${what} ends as ${code}`, async () => {
    await using server = await startByHand(answer);
    using connection = await connectGrpc(server.target, PATIENCE_MS, { clock: realClock });
    const outcome = await connection.call("/t.T/M", [new Uint8Array(3)], { timeoutMs: PATIENCE_MS });
    assert.equal(codeName(outcome.status.code), code, outcome.status.message);
    assert.equal(outcome.untouched, untouched);
    assert.match(outcome.status.message, message);
  });
}

Deno.test("call() sends what the protocol asks for", async () => {
  let sent: IncomingHttpHeaders = {};
  const chunks: Uint8Array[] = [];
  await using server = await startByHand((stream, headers) => {
    sent = headers;
    stream.on("data", (chunk: Uint8Array) => chunks.push(new Uint8Array(chunk)));
    answering(1, { "grpc-status": "0" })(stream);
  });
  using connection = await connectGrpc(server.target, PATIENCE_MS, { clock: realClock });
  await connection.call("/t.T/M", [Uint8Array.of(1), new Uint8Array(0)], { timeoutMs: 60_000 });
  assert.deepEqual(chunks.flatMap((chunk) => [...chunk]), [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
  assert.deepEqual(
    [sent[":method"], sent[":path"], sent.te, sent["content-type"], sent["grpc-timeout"]],
    ["POST", "/t.T/M", "trailers", "application/grpc", "60000000u"],
  );
});

Deno.test("call() gives up when its time is over, and cancels", async () => {
  const clock = new FakeClock();
  let open = 0, code: number | undefined;
  await using server = await startByHand((stream) => {
    open++;
    stream.on("close", () => code = stream.rstCode);
  });
  using connection = await connectGrpc(server.target, PATIENCE_MS, { clock });
  const called = connection.call("/t.T/M", [new Uint8Array(3)], { timeoutMs: 5_000 });
  await until("the call is there", () => open === 1);
  await clock.advance(5_000);
  assert.deepEqual(await called, {
    status: { code: Code.DEADLINE_EXCEEDED, message: "there was no answer in time" },
    untouched: false,
  });
  await until("it is cancelled", () => code === constants.NGHTTP2_CANCEL);
});

Deno.test("call() on a connection that is gone certainly changes nothing", async () => {
  const server = await startByHand(() => {});
  using connection = await connectGrpc(server.target, PATIENCE_MS, { clock: realClock });
  await server[Symbol.asyncDispose]();
  for (let i = 0; i < 2; i++) {
    let outcome = await connection.call("/t.T/M", [], { timeoutMs: PATIENCE_MS });
    // Until this side has seen the end, a call may be on its way to nobody.
    while (!outcome.untouched) outcome = await connection.call("/t.T/M", [], { timeoutMs: PATIENCE_MS });
    assert.equal(outcome.status.code, Code.UNAVAILABLE);
  }
});

Deno.test("connectGrpc() tells a port that nobody listens on from a server that says nothing in time", async () => {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const target = { hostname: "127.0.0.1", port: probe.addr.port };
  const clock = new FakeClock();
  const silent = assert.rejects(
    connectGrpc(target, 1_000, { clock }),
    (error) => error instanceof GrpcConnectError && error.late,
  );
  const accepted = await probe.accept();
  await clock.advance(1_000);
  await silent;
  accepted.close();
  probe.close();
  await assert.rejects(connectGrpc(target, PATIENCE_MS, { clock: realClock }), (error) => {
    return error instanceof GrpcConnectError && !error.late && /ECONNREFUSED/.test(error.message);
  });
});

Deno.test("connectGrpc() refuses a server that speaks HTTP/1", async () => {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {}); // the client hangs up
    socket.resume();
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await assert.rejects(
    connectGrpc({ hostname: "127.0.0.1", port }, PATIENCE_MS, { clock: realClock }),
    GrpcConnectError,
  );
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

Deno.test("formatTarget() puts brackets around IPv6", () => {
  assert.equal(formatTarget({ hostname: "::1", port: 1 }), "[::1]:1");
  assert.equal(formatTarget({ hostname: "web1", port: 8128 }), "web1:8128");
});
