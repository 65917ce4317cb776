/** Memory that several threads see, and copies inside it. */

/**
 * A module of one function, `c(to, from, length)`: the instruction `memory.copy` in the imported memory `m.m`. `set()` of a
 * typed array over shared memory goes word by word, each read and written whole, which takes twice as long and more.
 */
const MODULE: Uint8Array<ArrayBuffer> = Uint8Array.fromHex(
  "0061736d01000000" + // magic, version 1
    "01070160037f7f7f00" + // type 0: three numbers, no result
    "020b01016d016d020301808004" + // the import: a shared memory of any size
    "03020100" + // function 0 is of type 0
    "07050101630000" + // and is exported as `c`
    "0a0e010c00200020012002fc0a00000b", // its body: the three, memory.copy
);
const PAGE_BYTES = 65_536;

/** Makes memory of at least so many octets, which can be posted to other threads. */
export function newSharedMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES));
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** The octets of a memory. */
export function sharedOctets(memory: WebAssembly.Memory): Uint8Array<SharedArrayBuffer> {
  const { buffer } = memory as { readonly buffer: ArrayBufferLike }; // the types know of no shared memory
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError("Cannot share this memory: it was not made so");
  return new Uint8Array(buffer);
}

/**
 * Copies octets inside a memory; the arguments are offsets in it, and the ranges may overlap. Whoever copies sees to it that
 * no other thread is at the same octets meanwhile.
 *
 * @throws {WebAssembly.RuntimeError} beyond its end
 */
export type CopyInside = (to: number, from: number, length: number) => void;

/** The copy of a memory. */
export function copyInside(memory: WebAssembly.Memory): CopyInside {
  return new WebAssembly.Instance(new WebAssembly.Module(MODULE), { m: { m: memory } }).exports.c as CopyInside;
}
