import assert from "node:assert/strict";
import { encodeEvent, EventLineError, parseEvent, type TcpEvent } from "./events_wire.ts";

const UUID = "host_1700000000_1122334455667788";
const ID = {
  sourcePort: 443,
  destinationPort: 51234,
  source: "192.0.2.10",
  destination: "198.51.100.23",
  interfaceIndex: 2,
  cookie: 0x1122334455667788n,
};
const lines: [what: string, event: TcpEvent, line: string][] = [
  [
    "an open",
    { kind: "open", timestamp: "2024-02-29T23:59:59.12Z", uuid: UUID, id: ID },
    `{"Event":0,"Timestamp":"2024-02-29T23:59:59.12Z","UUID":"${UUID}","ID":{"SPort":443,"DPort":51234,` +
    `"SrcIP":"192.0.2.10","DstIP":"198.51.100.23","Interface":2,"Cookie":1234605616436508552}}`,
  ],
  [
    "a cookie above 2^63, signed",
    {
      kind: "open",
      timestamp: "2024-02-29T23:59:59Z",
      uuid: "h_1_FF000000000000FF",
      id: { ...ID, source: "2001:db8::10", destination: "2001:db8:1::2", cookie: 0xFF000000000000FFn },
    },
    `{"Event":0,"Timestamp":"2024-02-29T23:59:59Z","UUID":"h_1_FF000000000000FF","ID":{"SPort":443,"DPort":51234,` +
    `"SrcIP":"2001:db8::10","DstIP":"2001:db8:1::2","Interface":2,"Cookie":-72057594037927681}}`,
  ],
  [
    "a close",
    { kind: "close", timestamp: "2024-03-01T00:00:03.5Z", uuid: UUID },
    `{"Event":1,"Timestamp":"2024-03-01T00:00:03.5Z","UUID":"${UUID}","ID":null}`,
  ],
  [
    "a close with its reason behind the known keys",
    { kind: "close", timestamp: "2024-03-01T00:00:03.5Z", uuid: UUID, reason: "shutdown" },
    `{"Event":1,"Timestamp":"2024-03-01T00:00:03.5Z","UUID":"${UUID}","ID":null,"Reason":"shutdown"}`,
  ],
  [
    "a UUID that must be escaped",
    { kind: "close", timestamp: "2024-03-01T00:00:03Z", uuid: 'a"\n\u{1F98A}' },
    `{"Event":1,"Timestamp":"2024-03-01T00:00:03Z","UUID":"a\\"\\n\u{1F98A}","ID":null}`,
  ],
];

for (const [what, event, line] of lines) {
  Deno.test(`encodeEvent() writes ${what}`, () => assert.equal(encodeEvent(event), `${line}\n`));
  Deno.test(`parseEvent() reads ${what}`, () => assert.deepEqual(parseEvent(line), event));
}

Deno.test("parseEvent() ignores keys that it does not know, in any order", () => {
  const line = `{"More":[1],"ID":null,"UUID":"u","Timestamp":"2024-03-01T00:00:03Z","Event":1,"Reason":7}`;
  assert.deepEqual(parseEvent(line), { kind: "close", timestamp: "2024-03-01T00:00:03Z", uuid: "u" });
});

Deno.test("parseEvent() tells the number of an event that it does not know", () => {
  assert.deepEqual(parseEvent(`{"Event":7,"ID":"whatever"}`), { kind: "unknown", number: 7 });
});

const refused: [line: string, why: RegExp][] = [
  ["", /Cannot parse the event ""/],
  ["{", /Cannot parse the event/],
  ["[]", /an object is missing/],
  ["null", /an object is missing/],
  [`{"Event":"0"}`, /its Event is no whole number/],
  [`{"Event":1.5}`, /its Event is no whole number/],
  [`{"Timestamp":"t","UUID":"u","ID":null}`, /its Event is no whole number/],
  [`{"Event":1,"UUID":"u","ID":null}`, /its Timestamp is no text/],
  [`{"Event":1,"Timestamp":"t","UUID":1,"ID":null}`, /its UUID is no text/],
  [`{"Event":0,"Timestamp":"t","UUID":"u","ID":null}`, /an object is missing/],
  [`{"Event":0,"Timestamp":"t","UUID":"u","ID":{"SPort":1}}`, /its Cookie is no whole number/],
  [`{"Event":0,"Timestamp":"t","UUID":"u","ID":{"SPort":1,"Cookie":"1"}}`, /its Cookie is no whole number/],
  [`{"Event":0,"Timestamp":"t","UUID":"u","ID":{"SPort":1,"Cookie":1e3}}`, /its Cookie is no whole number/],
  [`{"Event":0,"Timestamp":"t","UUID":"u","ID":{"SPort":1,"Cookie":1}}`, /its DPort is no whole number/],
];

for (const [line, why] of refused) {
  Deno.test(`parseEvent() refuses ${line || "an empty line"}`, () => {
    assert.throws(() => parseEvent(line), (error) => error instanceof EventLineError && why.test(error.message));
  });
}
