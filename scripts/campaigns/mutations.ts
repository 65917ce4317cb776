/** Datagrams as nobody would send them: those of the fixtures with bits flipped, cut, and joined. */
import { randomFrom } from "../../src/testing/mod.ts";
import { Mutant } from "./mutant.ts";

/** Bytes that mean something to the parser: what stands in for a byte is mostly one of them. */
const TELLING = new TextEncoder().encode(":|#@,.+-0123456789eEcghmsdT\n\r_{}\\veneurlocalonly\u00e9");

const LINE_FEED = Uint8Array.of(0x0a);

/** Makes mutants out of samples, each in the same buffer. */
export class Mutator {
  readonly #samples: readonly Uint8Array[];
  readonly #random: (below: number) => number;
  readonly #mutant: Mutant;

  /**
   * @param most bytes of the longest mutant
   * @param room bytes that the buffer has behind that
   */
  constructor(samples: readonly Uint8Array[], seed: number, most: number, room: number) {
    if (samples.length === 0) throw new RangeError("Cannot make mutants: there are no samples");
    this.#samples = samples;
    this.#random = randomFrom(seed);
    this.#mutant = new Mutant(most, room);
  }

  /** The last mutant stands at its start; valid until the next. There is room behind it. */
  get buffer(): Uint8Array<ArrayBuffer> {
    return this.#mutant.buffer;
  }

  /** Makes the next mutant. @returns its length */
  next(): number {
    const random = this.#random, mutant = this.#mutant;
    mutant.length = 0;
    mutant.append(this.#sample());
    for (let joins = random(3); joins > 0; joins--) {
      if (random(4) > 0) mutant.append(LINE_FEED);
      mutant.append(this.#sample());
    }
    for (let edits = random(6); edits > 0 && mutant.length > 0; edits--) this.#edit();
    return mutant.length;
  }

  #sample(): Uint8Array {
    return this.#samples[this.#random(this.#samples.length)]!;
  }

  #edit(): void {
    const random = this.#random, mutant = this.#mutant;
    const at = random(mutant.length);
    switch (random(6)) {
      case 0:
        return mutant.flipBit(at, random(8));
      case 1: // any byte
        mutant.buffer[at] = random(256);
        return;
      case 2:
        mutant.buffer[at] = TELLING[random(TELLING.length)]!;
        return;
      case 3: // the rest is cut off
        mutant.length = at;
        return;
      case 4:
        return mutant.cutOut(at, 1 + random(16));
      default:
        return mutant.double(at, 1 + random(16));
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
