import assert from "node:assert/strict";
import { Window, type WindowConfig } from "./window.ts";

/** Batches of `batch` events, each cut by the window, all acknowledged, `count` times. */
function acknowledge(window: Window, batch: number, count: number): void {
  for (let i = 0; i < count; i++) {
    for (let left = batch; left > 0;) {
      const sent = Math.min(left, window.size);
      window.succeed(sent, left);
      left -= sent;
    }
  }
}

const grown: [id: string, config: WindowConfig, batch: number, size: number][] = [
  ["SC-43", { start: 10, max: 1_024 }, 114, 114],
  ["SC-43", { start: 1, max: 1_024 }, 114, 114],
  ["SC-44", { start: 10, max: 64 }, 114, 64],
  ["SC-46", { start: 1, worked: 71, max: 1_024 }, 114, 114],
];
for (const [id, config, batch, size] of grown) {
  Deno.test(`${id} Window from ${config.start} (worked ${config.worked ?? 0}, max ${config.max}) ends at ${size}`, () => {
    const window = new Window(config);
    acknowledge(window, batch, 200);
    assert.equal(window.size, size);
  });
}

Deno.test("SC-45 Window of 124 ends at 1 after a hundred failures, never at 0", () => {
  const window = new Window({ start: 124, max: 1_024 });
  for (let i = 0; i < 100; i++) {
    window.fail();
    assert.ok(window.size >= 1);
  }
  assert.equal(window.size, 1);
});

Deno.test("WN-3 Window grows by half, undisturbed", () => {
  const window = new Window({ max: 2_048 });
  const sizes = [window.size];
  while (window.size < 2_048) {
    window.succeed(window.size, 100_000);
    sizes.push(window.size);
  }
  assert.deepEqual(sizes, [10, 15, 23, 35, 53, 80, 120, 180, 270, 405, 608, 912, 1_368, 2_048]);
});

Deno.test("WN-4 Window gets back to its maximum after a failure anywhere on its way", () => {
  for (const failAt of [15, 23, 80, 405, 2_048]) {
    const window = new Window({ max: 2_048 });
    while (window.size < failAt) window.succeed(window.size, 100_000);
    window.fail();
    assert.equal(window.size, Math.floor(failAt / 2));
    for (let i = 0; i < 200; i++) window.succeed(window.size, 100_000);
    assert.equal(window.size, 2_048);
  }
});

Deno.test("WN-5 Window is not pinned by a small batch", () => {
  const window = new Window({ max: 2_048 });
  window.succeed(10, 12);
  assert.equal(window.size, 12);
  for (let i = 0; i < 20; i++) window.succeed(window.size, 2_048);
  assert.equal(window.size, 2_048);
});

Deno.test("WN-6 Window is not changed by a batch smaller than it", () => {
  const window = new Window({ start: 50, max: 2_048 });
  for (let i = 0; i < 100; i++) window.succeed(49, 49);
  assert.equal(window.size, 50);
});

Deno.test("WN-6 Window hurries back to the size that worked, and then feels its way by a tenth", () => {
  const window = new Window({ max: 2_048 });
  for (let i = 0; i < 5; i++) window.succeed(window.size, 100_000); // 80; 53 worked
  window.fail();
  const sizes: number[] = [];
  for (let i = 0; i < 4; i++) {
    sizes.push(window.size);
    window.succeed(window.size, 100_000);
  }
  assert.deepEqual(sizes, [40, 53, 58, 63]);
});

Deno.test("WN-6 Window reaches its maximum from any history within 200 full successes", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let history = 0; history < 200; history++) {
    const window = new Window({ max: 2_048 });
    for (let i = 0; i < 300; i++) {
      if (random() < 0.4) window.fail();
      else window.succeed(random() < 0.5 ? window.size : 3, 1 + Math.floor(random() * 3_000));
      assert.ok(window.size >= 1 && window.size <= 2_048);
    }
    for (let i = 0; i < 200; i++) window.succeed(window.size, 100_000);
    assert.equal(window.size, 2_048);
  }
});

Deno.test("Window without a maximum grows on", () => {
  const window = new Window({ max: 0 });
  for (let i = 0; i < 40; i++) window.succeed(window.size, Infinity);
  assert.ok(window.size > 1_000_000);
});
