import assert from "node:assert/strict";
import { Change, CHANGE_NAMES } from "./changes.ts";
import { compareRecords } from "./compare.ts";
import { type MadeSocket, madeSocket } from "./heart_testing.ts";
import { SocketMessage } from "./wire.ts";

const CUBIC = "637562696300", ZEROS_16 = "00".repeat(16), ZEROS_36 = "00".repeat(36);
const base = { 1: ZEROS_16, 4: CUBIC, 5: "00", 7: ZEROS_36, 8: "00" };

function message(socket: MadeSocket, patch: Readonly<Record<number, number>> = {}): SocketMessage {
  const bytes = madeSocket({ attributes: base, ...socket });
  for (const [at, byte] of Object.entries(patch)) bytes[Number(at)] = byte;
  const message = new SocketMessage();
  assert.equal(message.load(bytes, 0, bytes.length), 0);
  return message;
}

/** Without one of the base's attributes. */
function without(number: keyof typeof base): Record<number, string> {
  return Object.fromEntries(Object.entries(base).filter(([key]) => key !== String(number)));
}

const rows: [what: string, previous: SocketMessage, current: SocketMessage, change: keyof typeof Change][] = [
  ["nothing", message({}), message({}), "none"],
  ["the state", message({}), message({}, { 1: 4 }), "state"],
  ["expires", message({}), message({}, { 52: 9 }), "none"],
  ["wqueue", message({}), message({}, { 60: 9 }), "none"],
  ...[10, 43, 60, 167].map((at): (typeof rows)[number] => {
    return [`tcp_info byte ${at}`, message({}), message({ info: { [at]: 7 } }), "stateOrCounter"];
  }),
  ...[44, 59, 168, 200, 228, 240].map((at): (typeof rows)[number] => {
    return [`tcp_info byte ${at}`, message({}), message({ info: { [at]: 7 } }), "none"];
  }),
  [
    "attribute 7 byte 35",
    message({}),
    message({ attributes: { ...base, 7: "00".repeat(35) + "01" } }),
    "other",
  ],
  ["attribute 5", message({}), message({ attributes: { ...base, 5: "10" } }), "other"],
  ["attribute 15 added", message({}), message({ attributes: { ...base, 15: "00000000" } }), "newAttribute"],
  ["attribute 6 added", message({}), message({ attributes: { ...base, 6: "00" } }), "newAttribute"],
  ["attribute 5 gone", message({}), message({ attributes: without(5) }), "lostAttribute"],
  ["the last attribute gone", message({}), message({ attributes: without(8) }), "lostAttribute"],
  ["cubic to bbr", message({}), message({ attributes: { ...base, 4: "62627200" } }), "attributeLength"],
  [
    "tcp_info byte 10 and attribute 15 added",
    message({}),
    message({ info: { 10: 1 }, attributes: { ...base, 15: "00000000" } }),
    "stateOrCounter",
  ],
  ["tcp_info gone", message({}), message({ infoBytes: 0 }), "noTcpInfo"],
  ["tcp_info in neither", message({ infoBytes: 0 }), message({ infoBytes: 0 }), "none"],
  [
    "no attributes at all",
    message({ infoBytes: 0, attributes: {} }),
    message({ infoBytes: 0, attributes: {} }),
    "none",
  ],
  [
    "a mini-socket's expires",
    message({ state: 5, infoBytes: 0, attributes: { 15: "00000000" } }, { 52: 1 }),
    message({ state: 5, infoBytes: 0, attributes: { 15: "00000000" } }, { 52: 2 }),
    "none",
  ],
  ["tcp_info that has grown", message({ infoBytes: 232 }), message({}), "attributeLength"],
  ["tcp_info of 144 bytes that has grown", message({ infoBytes: 144 }), message({}), "attributeLength"],
  [
    "tcp_info of 144 bytes whose common part differs",
    message({ infoBytes: 144, info: { 100: 1 } }),
    message({}),
    "stateOrCounter",
  ],
  ["tcp_info of 4 bytes", message({ infoBytes: 4 }), message({ infoBytes: 4, info: { 3: 1 } }), "stateOrCounter"],
  ["two empty values", message({ attributes: { 14: "" } }), message({ attributes: { 14: "" } }), "none"],
];

for (const [what, previous, current, change] of rows) {
  Deno.test(`compareRecords() of ${what} says ${CHANGE_NAMES[Change[change]]}`, () => {
    assert.equal(CHANGE_NAMES[compareRecords(previous, current)], CHANGE_NAMES[Change[change]]);
  });
}
