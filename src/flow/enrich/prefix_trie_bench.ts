/** A lookup in a table of the Internet's size: 950,000 prefixes of IPv4 and 200,000 of IPv6. */
import { parseAddressWords } from "../address.ts";
import { PrefixTrie } from "./prefix_trie.ts";

let seed = 1;
function random(): number {
  seed = Math.imul(seed, 1_664_525) + 1_013_904_223 >>> 0;
  return seed;
}

const trie = new PrefixTrie({ ipv6CoversIpv4: false });
const words = parseAddressWords("0.0.0.0")!;
const octets = new Uint8Array(words.buffer);
const view = new DataView(words.buffer);
for (let i = 0; i < 950_000; i++) {
  view.setUint32(12, random());
  octets[12] = 1 + octets[12]! % 222;
  trie.set(words, 0, 96 + 16 + random() % 9, i);
}
const words6 = parseAddressWords("2001:db8::")!;
const view6 = new DataView(words6.buffer);
for (let i = 0; i < 200_000; i++) {
  view6.setUint32(0, 0x2a00_0000 | random() >>> 8);
  view6.setUint32(4, random());
  trie.set(words6, 0, 29 + random() % 20, i);
}
const addresses = new Uint32Array(4 * 4096), addresses6 = new Uint32Array(4 * 4096);
for (let i = 0; i < 4096; i++) {
  view.setUint32(12, random());
  addresses.set(words, 4 * i);
  view6.setUint32(0, 0x2a00_0000 | random() >>> 8);
  view6.setUint32(4, random());
  addresses6.set(words6, 4 * i);
}

Deno.bench("PrefixTrie.find(): 4096 IPv4 addresses", () => {
  let sum = 0;
  for (let i = 0; i < addresses.length; i += 4) sum += trie.find(addresses, i);
  if (sum === 1) throw new Error("unlikely");
});
Deno.bench("PrefixTrie.find(): 4096 IPv6 addresses", () => {
  let sum = 0;
  for (let i = 0; i < addresses6.length; i += 4) sum += trie.find(addresses6, i);
  if (sum === 1) throw new Error("unlikely");
});
