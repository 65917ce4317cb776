import assert from "node:assert/strict";
import { bytesOf, message, V4 } from "./testing.ts";
import { NetlinkDecoder } from "./wire_stream.ts";
import type { JsonObject } from "./wire_structures.ts";

const SOCKET = message(V4), DONE = message("00000000", { type: 3 });

function decode(...datagrams: string[]): JsonObject[] {
  const decoder = new NetlinkDecoder();
  return datagrams.flatMap((hex) => [...decoder.decode(bytesOf(hex))]);
}

/** What an object is, in a word or two. */
function gist({ kind, code, record, at }: JsonObject): string {
  return kind === "error" ? `${code} ${record}:${at}` : String(kind);
}

const streams: [what: string, hex: string, gists: string[]][] = [
  ["nothing", "", []],
  ["a socket and the end", SOCKET + DONE, ["socket", "done"]],
  ["messages without padding", message(`${V4}0500050001`) + SOCKET, ["socket", "socket"]],
  ["messages with padding", `${message(`${V4}0500050001`)}000000${SOCKET}`, ["socket", "socket"]],
  ["three zero bytes behind an aligned message", `${SOCKET}000000${DONE}`, ["socket", "done"]],
  ["zero bytes at the end", `${SOCKET}0000`, ["socket"]],
  ["four zero bytes at the end", `${SOCKET}00000000`, ["socket", "truncated 2:4"]],
  ["another byte at the end", `${SOCKET}01`, ["socket", "truncated 2:1"]],
  ["padding that is not zero", `${message(`${V4}0500050001`)}000100${SOCKET}`, ["socket", "truncated 2:90"]],
  ["a cut message", SOCKET.slice(0, 100), ["truncated 1:50"]],
  ["a cut message behind padding", `${message(`${V4}0500050001`)}000000${SOCKET.slice(0, 100)}`, [
    "socket",
    "truncated 2:50",
  ]],
  ["a length of 0", "00".repeat(16), ["malformed_message 1:0"]],
  ["a message of no bytes behind one that can be read", `${SOCKET}0f${SOCKET.slice(2)}`, [
    "socket",
    "malformed_message 2:0",
  ]],
  ["a short inet_diag_msg", message(V4.slice(2)) + DONE, ["malformed_message 1:16", "done"]],
  ["a malformed attribute", message(`${V4}03000500`) + DONE, ["malformed_attribute 1:88", "done"]],
  ["another type", message("", { type: 21 }) + DONE, ["wrong_type 1:4", "done"]],
  ["nothing and lost messages", message("", { type: 1 }) + message("", { type: 4 }), ["overrun 2:0"]],
  ["an end that failed", message("feffffff", { type: 3 }), ["done_status 1:16"]],
  ["an end without status", message("0000", { type: 3 }), ["malformed_message 1:16"]],
  ["a refusal", message("eaffffff", { type: 2 }), ["nlmsg_error 1:16"]],
  ["an acknowledgement", message("00000000", { type: 2 }), ["ack"]],
];
for (const [what, hex, gists] of streams) {
  Deno.test(`decode() of ${what} is ${gists.join(", ") || "empty"}`, () => {
    assert.deepEqual(decode(hex).map(gist), gists);
  });
}

Deno.test("decode() tells the errno of what failed", () => {
  const [done, error] = decode(message("feffffff", { type: 3 }) + message("9cffffff", { type: 2 }));
  assert.equal(done!["errno"], 2);
  assert.match(String(done!["message"]), /ENOENT/);
  assert.equal(error!["errno"], 100);
});

Deno.test("decode() keeps from input to input that the dump was interrupted, up to its end", () => {
  const flagged = message(V4, { flags: 0x12 });
  const objects = decode(flagged, SOCKET, DONE, SOCKET + DONE, message("feffffff", { type: 3, flags: 0x12 }), DONE);
  const ends = objects.filter(({ kind }) => kind === "done").map(({ interrupted }) => interrupted);
  assert.deepEqual(ends, [true, false, false]);
});

Deno.test("decode() numbers messages, or inputs", () => {
  const bad = message("", { type: 30 });
  assert.deepEqual(decode(SOCKET, bad + bad, bad).map(gist), [
    "socket",
    "wrong_type 2:4",
    "wrong_type 3:4",
    "wrong_type 4:4",
  ]);
  const decoder = new NetlinkDecoder({ record: "input" });
  const objects = [SOCKET, bad + bad, `${SOCKET}0102`].flatMap((hex) => [...decoder.decode(bytesOf(hex))]);
  assert.deepEqual(objects.map(gist), ["socket", "wrong_type 2:4", "wrong_type 2:20", "socket", "truncated 3:90"]);
});

Deno.test("decode() says which layout it assumed, and shows no key", () => {
  const info = `${V4}1c010200${"00".repeat(276)}02000000`;
  const md5 = `${V4}68001200${"0220"}0600c6336417${"00".repeat(12)}736563726574${"00".repeat(74)}`;
  const [assumed, keys] = decode(message(info) + message(md5));
  assert.equal(assumed!["tcp_info_layout"], "assumed 7.0");
  const [known] = new NetlinkDecoder({ layout: "6.18" }).decode(bytesOf(message(info)));
  assert.equal(known!["tcp_info_layout"], "6.18");
  assert.ok(!("tcp_info_layout" in keys!));
  assert.ok(!JSON.stringify(keys).includes("736563726574") && !JSON.stringify(keys).includes("secret"));
});
