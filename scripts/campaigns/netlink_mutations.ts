/** Netlink messages as no kernel would send them: those of the fixtures with bits, lengths and attributes changed. */
import { randomFrom } from "./mutations.ts";

/** Lengths and numbers at which a reader may go wrong. */
const TELLING = [
  0,
  1,
  2,
  3,
  4,
  5,
  7,
  8,
  15,
  16,
  17,
  38,
  39,
  71,
  72,
  73,
  255,
  256,
  0x3fff,
  0x4000,
  0x7fff,
  0x8014,
  0xfffc,
  0xffff,
];
const HEADER_BYTES = 16;
const DIAG_MESSAGE_BYTES = 72;

/** Makes mutants out of datagrams, each in the same buffer. */
export class NetlinkMutator {
  readonly #samples: readonly Uint8Array[];
  readonly #random: (below: number) => number;
  readonly #most: number;
  /** The last mutant stands at its start; valid until the next. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  /** @param most bytes of the longest mutant */
  constructor(samples: readonly Uint8Array[], seed: number, most: number) {
    if (samples.length === 0) throw new RangeError("Cannot make mutants: there are no samples");
    this.#samples = samples;
    this.#random = randomFrom(seed);
    this.#most = most;
    this.buffer = new Uint8Array(most);
    this.#view = new DataView(this.buffer.buffer);
  }

  /** Makes the next mutant. @returns its length */
  next(): number {
    const random = this.#random;
    let length = this.#append(0);
    for (let joins = random(3); joins > 0; joins--) length = this.#append(length);
    for (let edits = random(5); edits > 0 && length > 0; edits--) length = this.#edit(length);
    // With the length put right, what is behind the header is looked at as well.
    if (random(4) > 0 && length >= HEADER_BYTES) this.#view.setUint32(0, length, true);
    return length;
  }

  #append(at: number): number {
    const sample = this.#samples[this.#random(this.#samples.length)]!;
    const length = Math.min(sample.length, this.#most - at);
    this.buffer.set(sample.subarray(0, length), at);
    return at + length;
  }

  #edit(length: number): number {
    const random = this.#random, { buffer } = this;
    const at = random(length);
    switch (random(8)) {
      case 0:
        buffer[at]! ^= 1 << random(8);
        return length;
      case 1:
        buffer[at] = random(256);
        return length;
      case 2: // 16 bits that tell a length or a type
        if (length >= 2) this.#view.setUint16(Math.min(at, length - 2) & ~1, this.#telling(length), true);
        return length;
      case 3: // 32 bits
        if (length >= 4) this.#view.setUint32(Math.min(at, length - 4) & ~3, this.#telling(length), true);
        return length;
      case 4: // the rest is cut off
        return at;
      case 5: { // a stretch is cut out
        const end = Math.min(length, at + 1 + random(24));
        buffer.copyWithin(at, end, length);
        return length - (end - at);
      }
      case 6: { // a stretch is doubled
        const size = Math.min(1 + random(24), length - at, this.#most - length);
        buffer.copyWithin(at + size, at, length);
        return length + size;
      }
      default: { // another number or length for the first attribute, or for one at any place
        const place = random(2) === 0 ? HEADER_BYTES + DIAG_MESSAGE_BYTES : at & ~3;
        if (place + 4 <= length) this.#view.setUint16(place + 2 * random(2), this.#telling(length - place), true);
        return length;
      }
    }
  }

  #telling(near: number): number {
    const choice = this.#random(TELLING.length + 3);
    return TELLING[choice] ?? near + choice - TELLING.length - 1;
  }
}

/** The datagrams of the fixtures in a folder, each line of hex one of them. */
export async function netlinkSamples(folder: URL): Promise<Uint8Array[]> {
  const samples: Uint8Array[] = [];
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  for (const name of names.sort()) { // the order of a folder is the file system's affair
    const file = new URL(name, folder);
    if (name.endsWith(".bin")) samples.push(await Deno.readFile(file));
    if (!name.endsWith(".hex")) continue;
    for (const line of (await Deno.readTextFile(file)).split("\n")) {
      const hex = line.replace(/\s/g, "");
      if (/^([0-9a-f]{2})+$/.test(hex)) samples.push(Uint8Array.fromHex(hex));
    }
  }
  return samples.filter(({ length }) => length <= 2048);
}
