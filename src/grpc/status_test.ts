import assert from "node:assert/strict";
import { Code, codeName, escapeMessage, parseCode, statusOfHttp, unescapeMessage } from "./status.ts";

const messages: [message: string, escaped: string][] = [
  ["", ""],
  ["plain text, ~!", "plain text, ~!"],
  ["100 %", "100 %25"],
  ["às\n", "%C3%A0s%0A"],
  ["%41", "%2541"],
  ["😀", "%F0%9F%98%80"],
];
for (const [message, escaped] of messages) {
  Deno.test(`escapeMessage() and unescapeMessage() agree on ${JSON.stringify(message)}`, () => {
    assert.equal(escapeMessage(message), escaped);
    assert.equal(unescapeMessage(escaped), message);
  });
}

Deno.test("unescapeMessage() keeps what is no escape", () => {
  for (const text of ["%", "%4", "%zz", "100%", "a%2"]) assert.equal(unescapeMessage(text), text);
  assert.equal(unescapeMessage("%FF"), "\ufffd");
  assert.equal(unescapeMessage("%c3%a9"), "é");
});

Deno.test("parseCode() takes what it does not know for UNKNOWN", () => {
  assert.equal(parseCode("0"), Code.OK);
  assert.equal(parseCode("16"), Code.UNAUTHENTICATED);
  for (const text of ["17", "99", "-1", "", "1.0", "OK", "0x1", "100"]) {
    assert.equal(parseCode(text), Code.UNKNOWN, text);
  }
});

Deno.test("codeName() names every code", () => {
  for (const [name, code] of Object.entries(Code)) assert.equal(codeName(code), name);
});

Deno.test("statusOfHttp() maps what the protocol lists", () => {
  const codes = [400, 401, 403, 404, 429, 500, 502, 503, 504, 200].map((status) => codeName(statusOfHttp(status).code));
  assert.deepEqual(codes, [
    "INTERNAL",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "UNIMPLEMENTED",
    "UNAVAILABLE",
    "UNKNOWN",
    "UNAVAILABLE",
    "UNAVAILABLE",
    "UNAVAILABLE",
    "UNKNOWN",
  ]);
});
