/// <reference lib="deno.worker" />
/** A session of chDB in a thread of its own, since its calls block. */
import { AnswerTooLong, ChdbException, ChdbSession, ChdbUnavailable } from "./chdb_library.ts";
import { type ChdbReply, type ChdbRequest, type ChdbStart, START_ID } from "./chdb_messages.ts";

let session: ChdbSession | undefined;

self.onmessage = ({ data }: MessageEvent<ChdbStart | ChdbRequest>) => {
  const id = data.kind === "start" ? START_ID : data.id;
  let reply: ChdbReply;
  try {
    const octets = perform(data);
    reply = octets === undefined ? { kind: "done", id } : { kind: "done", id, octets };
  } catch (error) {
    reply = { kind: "failed", id, ...reasonOf(error) };
  }
  self.postMessage(reply, reply.kind === "done" && reply.octets !== undefined ? [reply.octets.buffer] : []);
  if (data.kind === "close") self.close();
};

function perform(request: ChdbStart | ChdbRequest): Uint8Array<ArrayBuffer> | undefined {
  if (request.kind === "start") {
    session = new ChdbSession(request.libraryPath, request.directory);
    for (const statement of request.prelude) session.query(statement);
    return undefined;
  }
  if (session === undefined) throw new ChdbUnavailable("Cannot execute a statement: chDB is not open");
  switch (request.kind) {
    case "execute":
      return execute(session, request);
    case "insert":
      session.insert(request.block, (path) => `${request.before}${path}${request.behind}`);
      return undefined;
    case "close":
      session.close();
      session = undefined;
      return undefined;
  }
}

function execute(
  open: ChdbSession,
  { statements, after, format, maxBytes }: ChdbRequest & { kind: "execute" },
): Uint8Array<ArrayBuffer> {
  try {
    let octets = new Uint8Array(0);
    for (const statement of statements) octets = open.query(statement, format, maxBytes);
    return octets;
  } finally {
    for (const statement of after) open.query(statement);
  }
}

function reasonOf(error: unknown): { reason: "unavailable" | "exception" | "too_long"; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ChdbException) return { reason: "exception", message };
  return { reason: error instanceof AnswerTooLong ? "too_long" : "unavailable", message };
}
