import { openLibc } from "./libc.ts";

// include/malloc.h
const M_MMAP_THRESHOLD = -3;

/**
 * Has glibc map every block of `bytes` or more by itself, so that its memory goes back to the kernel when it is freed. For
 * the whole process and all of its threads, from now on.
 *
 * Left alone, glibc raises that threshold up to 32 MB as large blocks are freed: after a few of them it carves large blocks
 * out of its arenas, clears them byte by byte, and keeps what is freed.
 *
 * @returns false where the C library has no such setting
 * @throws {LinuxUnavailable}
 */
export function giveBackBlocksFrom(bytes: number): boolean {
  return openLibc().mallopt?.(M_MMAP_THRESHOLD, bytes) === 1;
}

/**
 * Gives the kernel the pages that glibc's arenas hold but nobody uses: 1 to 3 ms where a flush left 10 MB of them.
 *
 * @returns false where there were none, or the C library can't
 * @throws {LinuxUnavailable}
 */
export function giveBackFreed(): boolean {
  return openLibc().malloc_trim?.(0n) === 1;
}
