import assert from "node:assert/strict";
import { encodeDumpRequest, encodeLookupRequest, setSequence, setSocketId } from "./diag_request.ts";

const ANY = "00".repeat(48);

Deno.test("encodeDumpRequest() asks for all of a family", () => {
  assert.equal(encodeDumpRequest({ family: 2 }).toHex(), `480000001400010301000000000000000206ff00370f0000${ANY}`);
  const inet6 = encodeDumpRequest({ family: 10, sequence: 2 });
  assert.equal(inet6.toHex(), `480000001400010302000000000000000a06ff00370f0000${ANY}`);
});

Deno.test("encodeDumpRequest() puts the filter behind the request", () => {
  const filter = Uint8Array.fromHex("0b080c000000bb0101040800");
  const request = encodeDumpRequest({ family: 2, sequence: 3, filter });
  assert.equal(
    request.toHex(),
    `580000001400010303000000000000000206ff00370f0000${ANY}100001000b080c000000bb0101040800`,
  );
});

Deno.test("encodeDumpRequest() takes states and extensions as bits", () => {
  const request = encodeDumpRequest({ family: 2, states: 0xffff_ffff, extensions: 2 });
  assert.equal(request.subarray(16, 24).toHex(), "02060200ffffffff");
});

Deno.test("encodeDumpRequest() refuses a filter that no attribute holds", () => {
  assert.throws(() => encodeDumpRequest({ family: 2, filter: new Uint8Array(65532) }), RangeError);
  assert.equal(encodeDumpRequest({ family: 2, filter: new Uint8Array(65531) }).length, 72 + 65535);
});

Deno.test("encodeLookupRequest() and setSocketId() name one socket", () => {
  const request = encodeLookupRequest(2, 2, 4);
  const message = Uint8Array.fromHex(
    "0201010001bbc822c000020a000000000000000000000000c66364170000000000000000000000000000000088776655443322" + "11",
  );
  message.set([0xc6, 0x33, 0x64, 0x17], 24);
  setSocketId(request, message, 4);
  assert.equal(
    request.toHex(),
    "4800000014000100040000000000000002060200ffffffff01bbc822c000020a000000000000000000000000c6336417000000000000000000" +
      "000000000000008877665544332211",
  );
});

Deno.test("setSequence() writes 32 bits", () => {
  const request = encodeDumpRequest({ family: 2 });
  setSequence(request, 0xfedc_ba98);
  assert.equal(request.subarray(8, 12).toHex(), "98badcfe");
});
