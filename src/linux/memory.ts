import type { Libc } from "./libc.ts";

const encoder = new TextEncoder();

/**
 * A pointer to the first byte of `bytes`, for arguments of type `pointer`. It does not keep `bytes` alive: whoever holds
 * the pointer must hold the array too.
 */
export function pointerOf(libc: Libc, bytes: Uint8Array<ArrayBuffer>): Deno.PointerObject {
  const pointer = libc.pointerOf(bytes, bytes, 0n);
  if (pointer === null) throw new RangeError("Cannot take the address of an empty array: it has none");
  return pointer;
}

/** The address of the first byte of `bytes`, to be written into a structure; the same caution as {@linkcode pointerOf}. */
export function addressOf(libc: Libc, bytes: Uint8Array): bigint {
  const own = bytes as Uint8Array<ArrayBuffer>; // the types know of no shared memory; to the call it is all one
  return libc.addressOf(own, own, 0n);
}

/** `text` as a NUL-terminated C string. @throws {RangeError} if it contains a NUL itself */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new RangeError(`Cannot pass ${JSON.stringify(text)} to the kernel: remove the NUL`);
  return encoder.encode(text + "\0");
}
