/**
 * Cursors over bytes, hex, checksums, the fields of protobuf messages, and streams read up to a bound.
 *
 * @example
 * ```ts
 * import { ByteReader, ByteWriter, fromHex, toHex } from "./mod.ts";
 *
 * const writer = new ByteWriter();
 * writer.u16be(443);
 * writer.varint(300);
 * console.assert(toHex(writer.view()) === "01bbac02");
 *
 * const reader = new ByteReader(fromHex("01bb ac02")!);
 * reader.need(2, "a port");
 * console.assert(reader.u16be() === 443 && reader.varint() === 300 && reader.remaining === 0);
 * ```
 *
 * @module
 */
export { ByteError, type ByteErrorCode } from "./byte_error.ts";
export { ByteReader } from "./byte_reader.ts";
export { ByteWriter } from "./byte_writer.ts";
export { crc32c } from "./crc32c.ts";
export { fromHex, toHex } from "./hex.ts";
export { ProtoReader, WireType } from "./proto_reader.ts";
export { ProtoWriter } from "./proto_writer.ts";
export { readAtMost } from "./read_at_most.ts";
export { type CopyInside, copyInside, newSharedMemory, sharedOctets } from "./shared_memory.ts";
