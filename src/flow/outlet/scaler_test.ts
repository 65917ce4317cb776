import assert from "node:assert/strict";
import { flushSignal, Scaler } from "./scaler.ts";

const MINUTE = 60_000;
const options = { minWorkers: 1, maxWorkers: 8, increaseMs: MINUTE, decreaseMs: 10 * MINUTE };

const signals: [rows: number, signal: string][] = [
  [50_000, "increase"],
  [49_999, "steady"],
  [5_001, "steady"],
  [5_000, "decrease"],
  [1, "decrease"],
];
for (const [rows, signal] of signals) {
  Deno.test(`flushSignal() of ${rows} rows of 50000 is ${signal}`, () => {
    assert.equal(flushSignal(rows, 50_000), signal);
  });
}

Deno.test("Scaler.decide() goes up by halves, once a minute", () => {
  const scaler = new Scaler(options);
  const seen: number[] = [];
  let workers = 1;
  for (let minute = 0; minute < 4; minute++) {
    workers = scaler.decide("increase", workers, minute * MINUTE);
    seen.push(workers);
    assert.equal(scaler.decide("increase", workers, minute * MINUTE + 1), workers);
  }
  assert.deepEqual(seen, [5, 7, 8, 8]);
});

Deno.test("Scaler.decide() goes down one by one once most batches were small for long enough", () => {
  const scaler = new Scaler(options);
  let workers = scaler.decide("increase", 1, 0);
  assert.equal(workers, 5);
  for (let minute = 1; minute < 10; minute++) {
    assert.equal(scaler.decide("decrease", workers, minute * MINUTE), 5);
  }
  workers = scaler.decide("decrease", workers, 10 * MINUTE);
  assert.equal(workers, 4);
  assert.equal(scaler.decide("decrease", workers, 19 * MINUTE), 4);
  assert.equal(scaler.decide("decrease", workers, 20 * MINUTE), 3);
  assert.equal(scaler.decide("increase", 3, 21 * MINUTE), 4); // no halves any more
});

Deno.test("Scaler.decide() takes steady batches as a head start against shrinking", () => {
  const scaler = new Scaler(options);
  scaler.decide("increase", 1, 0);
  for (let i = 0; i < 4; i++) scaler.decide("steady", 5, 5 * MINUTE + i);
  assert.equal(scaler.decide("decrease", 5, 10 * MINUTE), 5);
  assert.equal(scaler.decide("decrease", 5, 10 * MINUTE + 1), 5);
  assert.equal(scaler.decide("decrease", 5, 10 * MINUTE + 2), 4); // 3 > floor(4 / 2)
});

Deno.test("Scaler.decide() stays as it was before the first increase, and within its bounds", () => {
  const scaler = new Scaler({ ...options, minWorkers: 2, maxWorkers: 3 });
  assert.equal(scaler.decide("decrease", 2, 0), 2);
  assert.equal(scaler.decide("increase", 2, 10 * MINUTE), 3);
  assert.equal(scaler.decide("increase", 3, 11 * MINUTE), 3);
});
