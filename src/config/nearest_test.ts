import assert from "node:assert/strict";
import { editDistance, isSlip, nearestName } from "./nearest.ts";

const distances: [a: string, b: string, distance: number][] = [
  ["", "", 0],
  ["abc", "abc", 0],
  ["", "abc", 3],
  ["abc", "", 3],
  ["interval", "intervall", 1],
  ["interval", "intreval", 1],
  ["hosts", "host", 1],
  ["kitten", "sitting", 3],
  ["ca", "abc", 3],
];
for (const [a, b, distance] of distances) {
  Deno.test(`editDistance() from "${a}" to "${b}" is ${distance}`, () => assert.equal(editDistance(a, b), distance));
}

const known = ["udp_address", "tcp_address", "interval", "queue_size"];
const nearest: [name: string, near: string, slip: boolean][] = [
  ["udp_adress", "udp_address", true],
  ["Interval", "interval", true],
  ["queue-size", "queue_size", true],
  ["tpc_address", "tcp_address", true],
  ["i", "interval", false],
  ["x".repeat(100_000), "udp_address", false],
];
for (const [name, near, slip] of nearest) {
  Deno.test(`nearestName() of ${name.slice(0, 20)} is ${near}`, () => {
    assert.equal(nearestName(name, known), near);
    assert.equal(isSlip(name, near) && name.length < 64, slip);
  });
}

Deno.test("nearestName() knows none among none", () => assert.equal(nearestName("a", []), undefined));
