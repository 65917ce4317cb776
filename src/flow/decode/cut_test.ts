import assert from "node:assert/strict";
import { FlowBatch } from "../columns_batch.ts";
import { datagram, hexFixtures, newDecoder, shownRows } from "./testing.ts";

for (const { protocol, name, datagrams, settings } of hexFixtures()) {
  Deno.test(`decode() of ${protocol} ${name} cut anywhere gives some of its rows and none of its own`, () => {
    const whole = new FlowBatch();
    const decoder = newDecoder(protocol);
    for (const [i, payload] of datagrams.entries()) {
      const first = whole.rows;
      const { failure } = decoder.decode(datagram(payload, settings), whole);
      assert.equal(failure, undefined);
      const rows = shownRows(whole, first);
      for (let length = 0; length < payload.length; length++) {
        const batch = new FlowBatch(1);
        const fresh = newDecoder(protocol);
        for (const before of datagrams.slice(0, i)) fresh.decode(datagram(before, settings), batch);
        const firstCut = batch.rows;
        const outcome = fresh.decode(datagram(payload.slice(0, length), settings), batch);
        assert.equal(outcome.failure, undefined, `cut at ${length}`);
        const cut = shownRows(batch, firstCut);
        assert.deepEqual(cut, rows.slice(0, cut.length), `cut at ${length}`);
        assert.equal(outcome.rows, cut.length);
        if (length < 4) assert.equal(outcome.errors.length, 1, `cut at ${length}`);
      }
    }
  });
}

Deno.test("decode() leaves nothing behind the rows that count", () => {
  for (const { protocol, name, datagrams, settings } of hexFixtures()) {
    const batch = new FlowBatch(1);
    const decoder = newDecoder(protocol);
    for (const payload of datagrams) {
      for (const length of [payload.length, payload.length >> 1, payload.length - 1]) {
        decoder.decode(datagram(payload.slice(0, length), settings), batch);
      }
    }
    const { rows } = batch;
    batch.reserve(3);
    batch.rows += 3;
    assert.deepEqual(shownRows(batch, rows), [{}, {}, {}], name);
  }
});

Deno.test("a batch that was reset holds what a new one holds", () => {
  const reused = new FlowBatch(1);
  for (const { protocol, name, datagrams, settings } of hexFixtures()) {
    reused.reset();
    const fresh = new FlowBatch();
    const [a, b] = [newDecoder(protocol), newDecoder(protocol)];
    for (const payload of datagrams) {
      a.decode(datagram(payload, settings), reused);
      b.decode(datagram(payload, settings), fresh);
    }
    assert.deepEqual(shownRows(reused), shownRows(fresh), name);
  }
});

Deno.test("decode() finds a payload in the middle of a larger buffer", () => {
  for (const { protocol, name, datagrams, settings } of hexFixtures()) {
    const [alone, amid] = [new FlowBatch(), new FlowBatch()];
    const [a, b] = [newDecoder(protocol), newDecoder(protocol)];
    for (const payload of datagrams) {
      const buffer = new Uint8Array(payload.length + 300).fill(0xff);
      buffer.set(payload, 77);
      a.decode(datagram(payload, settings), alone);
      const outcome = b.decode(datagram(buffer.subarray(77, 77 + payload.length), settings), amid);
      for (const { at } of outcome.errors) assert.ok(at <= payload.length, name);
    }
    assert.deepEqual(shownRows(amid), shownRows(alone), name);
  }
});
