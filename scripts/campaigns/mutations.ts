/** Datagrams as nobody would send them: those of the fixtures with bits flipped, cut, and joined. */

/** Small numbers that follow from a seed alone (SplitMix32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = state + 0x9e3779b9 | 0;
    let z = state ^ state >>> 16;
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return ((z ^ z >>> 15) >>> 0) % below;
  };
}

/** Bytes that mean something to the parser: what stands in for a byte is mostly one of them. */
const TELLING = new TextEncoder().encode(":|#@,.+-0123456789eEcghmsdT\n\r_{}\\veneurlocalonly\u00e9");

/** Makes mutants out of samples, each in the same buffer. */
export class Mutator {
  readonly #samples: readonly Uint8Array[];
  readonly #random: (below: number) => number;
  /** The last mutant stands at its start; valid until the next. There is room behind it. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly #most: number;

  /**
   * @param most bytes of the longest mutant
   * @param room bytes that the buffer has behind that
   */
  constructor(samples: readonly Uint8Array[], seed: number, most: number, room: number) {
    if (samples.length === 0) throw new RangeError("Cannot make mutants: there are no samples");
    this.#samples = samples;
    this.#random = randomFrom(seed);
    this.#most = most;
    this.buffer = new Uint8Array(most + room);
  }

  /** Makes the next mutant. @returns its length */
  next(): number {
    const random = this.#random;
    let length = this.#append(0);
    for (let joins = random(3); joins > 0; joins--) {
      if (random(4) > 0 && length < this.#most) this.buffer[length++] = 0x0a;
      length = this.#append(length);
    }
    for (let edits = random(6); edits > 0 && length > 0; edits--) length = this.#edit(length);
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
    switch (random(6)) {
      case 0: // a bit flips
        buffer[at]! ^= 1 << random(8);
        return length;
      case 1: // any byte
        buffer[at] = random(256);
        return length;
      case 2: // a telling byte
        buffer[at] = TELLING[random(TELLING.length)]!;
        return length;
      case 3: // the rest is cut off
        return at;
      case 4: { // a stretch is cut out
        const end = Math.min(length, at + 1 + random(16));
        buffer.copyWithin(at, end, length);
        return length - (end - at);
      }
      default: { // a stretch is doubled
        const size = Math.min(1 + random(16), length - at, this.#most - length);
        buffer.copyWithin(at + size, at, length);
        return length + size;
      }
    }
  }
}

/** The inputs of the fixtures in a folder, and the datagrams of its scenarios. */
export async function fixtureSamples(folder: URL): Promise<Uint8Array[]> {
  const samples: Uint8Array[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const file = new URL(name, folder);
    if (/\.(txt|bin)$/.test(name)) samples.push(await Deno.readFile(file));
    if (!name.endsWith(".jsonl")) continue;
    for (const line of (await Deno.readTextFile(file)).split("\n")) {
      const event = line === "" ? {} : JSON.parse(line);
      if (typeof event.text === "string") samples.push(new TextEncoder().encode(event.text));
      else if (typeof event.hex === "string") samples.push(Uint8Array.fromHex(event.hex.replace(/\s/g, "")));
    }
  }
  // The order of a folder is the file system's affair; a seed must mean the same everywhere.
  return samples.filter((sample) => sample.length <= 4096).sort(compareBytes);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
