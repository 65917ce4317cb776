import assert from "node:assert/strict";
import { formatAddress, parseAddressWords } from "../address.ts";
import { parsePrefix } from "../enrich/prefix.ts";
import { newFoundRoute } from "../enrich/routing.ts";
import { NEXT_HOP_WORDS } from "./attribute_sets.ts";
import { NlriList, Safi } from "./nlri.ts";
import { Rib, type RibPeer } from "./rib.ts";

function listOf(prefix: string, pathId = 0, rd = 0): NlriList {
  const list = new NlriList();
  const { words, length } = parsePrefix(prefix)!;
  const isIpv4 = !prefix.includes(":");
  const octets = new Uint8Array(words.buffer as ArrayBuffer).subarray(isIpv4 ? 12 : 0);
  list.add(octets, 0, isIpv4 ? length - 96 : length, isIpv4, Safi.unicast, pathId, -1);
  list.rds[1] = rd;
  return list;
}

function setOf(rib: Rib, nextHop: string, asn: number) {
  const words = new Uint32Array([...parseAddressWords(nextHop)!, asn]);
  return rib.attributes.intern(words, NEXT_HOP_WORDS + 1, NEXT_HOP_WORDS + 1, asn);
}

function announce(rib: Rib, peer: RibPeer, prefix: string, nextHop: string, asn: number, pathId = 0, rd = 0) {
  return rib.announce(peer, listOf(prefix, pathId, rd), 0, setOf(rib, nextHop, asn));
}

function find(rib: Rib, address: string, nextHop?: string): string | undefined {
  const found = newFoundRoute();
  const nextHops = nextHop === undefined ? null : parseAddressWords(nextHop)!;
  if (!rib.find(parseAddressWords(address)!, 0, nextHops, 0, found)) return undefined;
  return `AS${found.asn} /${found.netMask} via ${formatAddress(found.nextHop)}`;
}

Deno.test("Rib.find() takes the longest prefix, of its routes the one with the next hop, else the first", () => {
  const rib = new Rib();
  const one = rib.newPeer(), two = rib.newPeer();
  announce(rib, one, "192.0.0.0/16", "203.0.113.1", 1);
  announce(rib, one, "192.0.2.0/24", "203.0.113.1", 2);
  announce(rib, two, "192.0.2.0/24", "203.0.113.2", 3);
  announce(rib, two, "2001:db8::/32", "2001:db8::1", 4);
  assert.equal(find(rib, "192.0.2.9"), "AS2 /24 via 203.0.113.1");
  assert.equal(find(rib, "192.0.2.9", "203.0.113.2"), "AS3 /24 via 203.0.113.2");
  assert.equal(find(rib, "192.0.2.9", "203.0.113.3"), "AS2 /24 via 203.0.113.1");
  assert.equal(find(rib, "192.0.3.9", "203.0.113.2"), "AS1 /16 via 203.0.113.1");
  assert.equal(find(rib, "2001:db8:5::"), "AS4 /32 via 2001:db8::1");
  assert.equal(find(rib, "198.51.100.1"), undefined);
});

Deno.test("Rib keeps routes with other path ids and distinguishers apart, and replaces equal ones", () => {
  const rib = new Rib();
  const peer = rib.newPeer();
  assert.equal(announce(rib, peer, "192.0.2.0/24", "203.0.113.1", 1), "added");
  assert.equal(announce(rib, peer, "192.0.2.0/24", "203.0.113.2", 2, 1), "added");
  assert.equal(announce(rib, peer, "192.0.2.0/24", "203.0.113.3", 3, 0, 9), "added");
  assert.equal(announce(rib, peer, "192.0.2.0/24", "203.0.113.4", 4), "updated");
  assert.deepEqual([rib.size, rib.prefixes, rib.attributes.size], [3, 1, 3]);
  assert.equal(find(rib, "192.0.2.1"), "AS4 /24 via 203.0.113.4");
  assert.equal(rib.withdraw(peer, listOf("192.0.2.0/24", 2), 0), false);
  assert.equal(rib.withdraw(peer, listOf("192.0.2.0/24"), 0), true);
  assert.equal(find(rib, "192.0.2.1"), "AS2 /24 via 203.0.113.2");
});

Deno.test("Rib.removePeer() hides routes at once, and a shorter prefix counts instead", () => {
  const rib = new Rib();
  const one = rib.newPeer(), two = rib.newPeer();
  announce(rib, one, "192.0.0.0/16", "203.0.113.1", 1);
  for (let i = 0; i < 100; i++) announce(rib, two, `192.0.2.${i}/32`, "203.0.113.2", 2);
  rib.removePeer(two);
  rib.removePeer(two);
  assert.equal(find(rib, "192.0.2.5"), "AS1 /16 via 203.0.113.1");
  assert.deepEqual([rib.sweep(60), rib.size], [true, 41]);
  assert.equal(find(rib, "192.0.2.5"), "AS1 /16 via 203.0.113.1");
  assert.deepEqual([rib.sweep(60), rib.size, rib.prefixes, rib.attributes.size], [false, 1, 1, 1]);
});

Deno.test("Rib refuses routes beyond its bound and takes updates of those it has", () => {
  const rib = new Rib({ mostRoutes: 1 });
  const peer = rib.newPeer();
  assert.equal(announce(rib, peer, "192.0.2.0/24", "203.0.113.1", 1), "added");
  assert.equal(announce(rib, peer, "192.0.3.0/24", "203.0.113.1", 1), "refused");
  assert.equal(announce(rib, peer, "192.0.2.0/24", "203.0.113.1", 2), "updated");
  assert.deepEqual([rib.size, rib.prefixes], [1, 1]);
});

/** The same, as slow as it is simple. */
class NaiveRib {
  routes: { peer: number; prefix: string; key: string; nextHop: string; asn: number }[] = [];

  announce(peer: number, prefix: string, key: string, nextHop: string, asn: number): void {
    const known = this.routes.find((route) => route.peer === peer && route.prefix === prefix && route.key === key);
    if (known !== undefined) Object.assign(known, { nextHop, asn });
    else this.routes.push({ peer, prefix, key, nextHop, asn });
  }

  withdraw(peer: number, prefix: string, key: string): boolean {
    const before = this.routes.length;
    this.routes = this.routes.filter((one) => one.peer !== peer || one.prefix !== prefix || one.key !== key);
    return this.routes.length < before;
  }

  find(address: string, nextHop: string | undefined): string | undefined {
    let best: { length: number; isIpv4: boolean; routes: NaiveRib["routes"] } | undefined;
    for (const route of this.routes) {
      const { words, length } = parsePrefix(route.prefix)!;
      const own = parsePrefix(`${address}/${route.prefix.split("/")[1]}`);
      const isIpv4 = !route.prefix.includes(":");
      if (isIpv4 === address.includes(":") || own!.words.some((word, i) => word !== words[i])) continue;
      if (best === undefined || length > best.length) best = { length, isIpv4, routes: [] };
      if (length === best.length) best.routes.push(route);
    }
    if (best === undefined) return undefined;
    const chosen = best.routes.find((route) => route.nextHop === nextHop) ?? best.routes[0]!;
    return `AS${chosen.asn} /${best.isIpv4 ? best.length - 96 : best.length} via ${chosen.nextHop}`;
  }
}

for (const seed of [1, 2, 3]) {
  Deno.test(`Rib agrees with a list of routes through random changes, seed ${seed}`, () => {
    let state = seed;
    const random = (below: number) => {
      state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
      return (state >>> 9) % below;
    };
    const rib = new Rib(), naive = new NaiveRib();
    const peers = Array.from({ length: 5 }, () => rib.newPeer());
    const randomAddress = () =>
      random(2) === 0 ? `10.${random(2)}.${random(4)}.${random(4)}` : `2001:db8:${random(3)}::${random(4)}`;
    const randomPrefix = () => {
      const address = randomAddress();
      const text = `${address}/${address.includes(":") ? 30 + random(99) : 8 + random(25)}`;
      const { words, length } = parsePrefix(text)!;
      return `${formatAddress(words)}/${address.includes(":") ? length : length - 96}`;
    };
    const nextHops = ["203.0.113.1", "203.0.113.2", "2001:db8::1"];
    const turns = 1500 + random(500); // once: the bound of the loop does not change with each turn
    for (let turn = 0; turn < turns; turn++) {
      const peer = random(peers.length), prefix = randomPrefix(), pathId = random(2), rd = random(2);
      const key = `${pathId} ${rd}`;
      switch (random(12)) {
        case 0: {
          const left = random(40);
          rib.removePeer(peers[peer]!);
          peers[peer] = rib.newPeer();
          naive.routes = naive.routes.filter((route) => route.peer !== peer);
          rib.sweep(left);
          break;
        }
        case 1:
        case 2:
        case 3: {
          const list = naive.routes;
          const chosen = list.length > 0 && random(4) > 0 ? list[random(list.length)]! : { peer, prefix, key };
          const [chosenPath, chosenRd] = chosen.key.split(" ").map(Number);
          const was = rib.withdraw(peers[chosen.peer]!, listOf(chosen.prefix, chosenPath, chosenRd), 0);
          assert.equal(was, naive.withdraw(chosen.peer, chosen.prefix, chosen.key));
          break;
        }
        default: {
          const nextHop = nextHops[random(3)]!, asn = 1 + random(3);
          announce(rib, peers[peer]!, prefix, nextHop, asn, pathId, rd);
          naive.announce(peer, prefix, key, nextHop, asn);
        }
      }
      const address = randomAddress(), nextHop = [undefined, ...nextHops][random(4)];
      assert.equal(find(rib, address, nextHop), naive.find(address, nextHop), `${address} by ${nextHop}, turn ${turn}`);
    }
    while (rib.sweep(100));
    assert.equal(rib.size, naive.routes.length);
    assert.equal(rib.prefixes, new Set(naive.routes.map(({ prefix }) => prefix)).size);
    for (const peer of peers) rib.removePeer(peer);
    while (rib.sweep(100));
    assert.deepEqual([rib.size, rib.prefixes, rib.attributes.size], [0, 0, 0]);
  });
}
