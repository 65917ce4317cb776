import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { HashRing } from "./hash_ring.ts";

const THREE = ["10.0.0.1:8128", "10.0.0.2:8128", "10.0.0.3:8128"];
const TWO = ["http://g1:8127", "http://g2:8127"];

const owned: [members: readonly string[], key: string, owner: string][] = [
  [THREE, "req.mstimera:1", "10.0.0.3:8128"],
  [THREE, "page.viewscounter", "10.0.0.2:8128"],
  [THREE, "uniq.userssetenv:prod", "10.0.0.3:8128"],
  [THREE, "lat.histohistogramhost:h1,svc:api", "10.0.0.1:8128"],
  [THREE, "a.bgauge", "10.0.0.1:8128"],
  [TWO, "latencytimerenv:prod", "http://g1:8127"],
  [TWO, "usersset", "http://g2:8127"],
];
for (const [members, key, owner] of owned) {
  Deno.test(`HashRing.ownerOf() gives ${key} to ${owner}`, () => {
    assert.equal(new HashRing(members).ownerOf(key), owner);
    assert.equal(new HashRing(members.toReversed()).ownerOf(key), owner);
  });
}

// The CRC-32 of the owners, a line each, as the Go library that Veneur's proxy is built on (stathat.com/c/consistent 1.0.0)
// gives them for the same 20,000 keys.
const recorded: [members: readonly string[], checksum: number][] = [
  [THREE, 995404879],
  [Array.from({ length: 40 }, (_, i) => `http://global-${i}.example:8127`), 3416112689],
];
for (const [members, checksum] of recorded) {
  Deno.test(`HashRing.ownerOf() spreads keys over ${members.length} members as Veneur's proxy does`, () => {
    const ring = new HashRing(members);
    const keys = Array.from({ length: 20_000 }, (_, i) => `séries.${i * 7919}timerenv:p${i % 13},host:h${i}`);
    assert.equal(crc32(keys.map((key) => `${ring.ownerOf(key)}\n`).join("")), checksum);
  });
}

/** The owner as the definition has it: over every place, without a search. */
function plainOwner(members: readonly string[], key: string): string {
  const places = members.flatMap((member) =>
    Array.from({ length: 20 }, (_, i) => ({ place: crc32(i + member), member }))
  );
  places.sort((a, b) => a.place - b.place);
  return (places.find(({ place }) => place > crc32(key)) ?? places[0]!).member;
}

Deno.test("HashRing.ownerOf() gives each of many keys to the first place strictly behind it", () => {
  const members = ["a:1", "b:1", "c:1", "ü:1", "http://d:1"];
  const ring = new HashRing(members);
  for (let i = 0; i < 5000; i++) {
    const key = `séries.${i}timerx:${i}`;
    assert.equal(ring.ownerOf(key), plainOwner(members, key), key);
  }
});

Deno.test("HashRing.ownerOf() gives a key that falls on a place to the one behind it, and wraps", () => {
  const ring = new HashRing(THREE);
  const places = THREE.flatMap((member) => Array.from({ length: 20 }, (_, i) => ({ key: i + member, member })))
    .sort((a, b) => crc32(a.key) - crc32(b.key));
  for (const [i, { key }] of places.entries()) {
    assert.equal(ring.ownerOf(key), places[(i + 1) % places.length]!.member, key);
  }
});

Deno.test("HashRing moves only the keys of a member that goes, each to where except says", () => {
  const [whole, less] = [new HashRing(THREE), new HashRing(THREE.slice(1))];
  let moved = 0;
  for (let i = 0; i < 3000; i++) {
    const key = `k${i}`, before = whole.ownerOf(key);
    assert.equal(less.ownerOf(key), whole.ownerOf(key, THREE[0]));
    if (before === THREE[0]) moved++;
    else assert.equal(less.ownerOf(key), before);
  }
  assert.ok(moved > 300);
});

Deno.test("HashRing gives a place that two members share to the later one", () => {
  // Two names with the same CRC-32, and so with the same places: it is linear, and 8 bytes are twice as many as it has.
  const [a, b] = twins();
  assert.equal(crc32(`7${a}`), crc32(`7${b}`));
  assert.equal(new HashRing([a, b]).ownerOf("k"), b);
  assert.equal(new HashRing([b, a]).ownerOf("k"), a);
});

/** Two names of equal length and CRC-32, found by remembering those that were seen. */
function twins(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0;; i++) {
    const name = `host-${String(i).padStart(9, "0")}-${(i * 2654435761 % 4294967296).toString(16).padStart(8, "0")}`;
    const twin = seen.get(crc32(name));
    if (twin !== undefined) return [twin, name];
    seen.set(crc32(name), name);
  }
}

Deno.test("HashRing without members owns nothing, and one member alone has no other", () => {
  assert.equal(new HashRing([]).ownerOf("k"), undefined);
  assert.equal(new HashRing(["a"]).ownerOf("k"), "a");
  assert.equal(new HashRing(["a", "a"]).ownerOf("k", "a"), undefined);
  assert.deepEqual(new HashRing(["a", "b", "a"]).members, ["a", "b"]);
});
