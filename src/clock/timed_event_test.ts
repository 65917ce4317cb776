import assert from "node:assert/strict";
import { readTimedEvent } from "./timed_event.ts";

Deno.test("readTimedEvent() reads what happens, and when", () => {
  assert.deepEqual(readTimedEvent('{"at":1.5,"do":"flush"}'), { at: 1.5, do: "flush" });
  assert.deepEqual(readTimedEvent(' {"hex":"00","at":0} '), { at: 0, hex: "00" });
});

const refused: [line: string, why: RegExp][] = [
  ["", /^Cannot read the event: Unexpected end/],
  ["{at:1}", /^Cannot read the event: /],
  ["null", /needs "at"/],
  ["1", /needs "at"/],
  ["[1]", /needs "at"/],
  ['{"do":"flush"}', /needs "at"/],
  ['{"at":"1"}', /needs "at"/],
  ['{"at":null}', /needs "at"/],
];
for (const [line, why] of refused) {
  Deno.test(`readTimedEvent() refuses ${JSON.stringify(line)}`, () => assert.match(String(readTimedEvent(line)), why));
}
