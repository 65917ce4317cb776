/**
 * `struct mmsghdr` and `struct iovec` of include/linux/socket.h and uio.h, as 64-bit little-endian kernels lay them out:
 *
 * ```
 * iovec    0 iov_base u64, 8 iov_len u64
 * mmsghdr  0 msg_name u64, 8 msg_namelen u32, 16 msg_iov u64, 24 msg_iovlen u64, 32 msg_control u64,
 *          40 msg_controllen u64, 48 msg_flags u32, 56 msg_len u32, 60 padding
 * ```
 */
export const IOVEC_BYTES = 16;
export const MESSAGE_BYTES = 64;
/** 32-bit words of one `mmsghdr`. */
export const MESSAGE_WORDS = MESSAGE_BYTES / 4;
/** The word of `mmsghdr` in which the kernel writes the bytes received or sent. */
export const MESSAGE_LENGTH_WORD = 14;

/** Writes `mmsghdr` number `i`: no name, no control messages, the one iovec at address `vector`. */
export function writeMessage(headers: Uint32Array, i: number, vector: bigint): void {
  const word = i * MESSAGE_WORDS;
  headers.fill(0, word, word + MESSAGE_WORDS);
  headers[word + 4] = Number(vector & 0xffff_ffffn);
  headers[word + 5] = Number(vector >> 32n);
  headers[word + 6] = 1;
}
