/** Netlink messages as no kernel would send them: those of the fixtures with bits, lengths and attributes changed. */
import { randomFrom } from "../../src/testing/mod.ts";
import { Mutant } from "./mutant.ts";

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
  readonly #mutant: Mutant;
  readonly #view: DataView;

  /** @param most bytes of the longest mutant */
  constructor(samples: readonly Uint8Array[], seed: number, most: number) {
    if (samples.length === 0) throw new RangeError("Cannot make mutants: there are no samples");
    this.#samples = samples;
    this.#random = randomFrom(seed);
    this.#mutant = new Mutant(most);
    this.#view = new DataView(this.buffer.buffer);
  }

  /** The last mutant stands at its start; valid until the next. */
  get buffer(): Uint8Array<ArrayBuffer> {
    return this.#mutant.buffer;
  }

  /** Makes the next mutant. @returns its length */
  next(): number {
    const random = this.#random, mutant = this.#mutant;
    mutant.length = 0;
    mutant.append(this.#sample());
    for (let joins = random(3); joins > 0; joins--) mutant.append(this.#sample());
    for (let edits = random(5); edits > 0 && mutant.length > 0; edits--) this.#edit();
    // With the length put right, what is behind the header is looked at as well.
    if (random(4) > 0 && mutant.length >= HEADER_BYTES) this.#view.setUint32(0, mutant.length, true);
    return mutant.length;
  }

  #sample(): Uint8Array {
    return this.#samples[this.#random(this.#samples.length)]!;
  }

  #edit(): void {
    const random = this.#random, mutant = this.#mutant;
    const { length } = mutant;
    const at = random(length);
    switch (random(8)) {
      case 0:
        return mutant.flipBit(at, random(8));
      case 1: // any byte
        mutant.buffer[at] = random(256);
        return;
      case 2: // 16 bits that tell a length or a type
        if (length >= 2) this.#view.setUint16(Math.min(at, length - 2) & ~1, this.#telling(length), true);
        return;
      case 3: // 32 bits
        if (length >= 4) this.#view.setUint32(Math.min(at, length - 4) & ~3, this.#telling(length), true);
        return;
      case 4: // the rest is cut off
        mutant.length = at;
        return;
      case 5:
        return mutant.cutOut(at, 1 + random(24));
      case 6:
        return mutant.double(at, 1 + random(24));
      default: { // another number or length for the first attribute, or for one at any place
        const place = random(2) === 0 ? HEADER_BYTES + DIAG_MESSAGE_BYTES : at & ~3;
        if (place + 4 <= length) this.#view.setUint16(place + 2 * random(2), this.#telling(length - place), true);
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
