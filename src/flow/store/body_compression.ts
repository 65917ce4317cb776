/** Bodies of inserts, compressed as `Content-Encoding` names it. */
import { promisify } from "node:util";
import zlib from "node:zlib";
import type { Compression } from "./config.ts";
import { encodeLz4Frame } from "./lz4_frame.ts";

const gzip = promisify(zlib.gzip);
const zstd = promisify<Uint8Array, zlib.ZstdOptions, Uint8Array>(zlib.zstdCompress);

/** Compresses a body: gzip and zstd on the thread pool, lz4 here. */
export async function compressBody(
  kind: Compression,
  octets: Uint8Array<ArrayBuffer>,
): Promise<{ body: Uint8Array<ArrayBuffer>; encoding?: string }> {
  switch (kind) {
    case "none":
      return { body: octets };
    case "gzip":
      return { body: owned(await gzip(octets, { level: 1 })), encoding: "gzip" };
    case "zstd": {
      // Columns shrink so well that higher levels win little.
      const params = { [zlib.constants.ZSTD_c_compressionLevel]: 1 };
      return { body: owned(await zstd(octets, { params })), encoding: "zstd" };
    }
    case "lz4":
      return { body: encodeLz4Frame(octets), encoding: "lz4" };
  }
}

/** Node's type leaves open whether its memory is shared; that of zlib never is. */
function owned(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  return octets as Uint8Array<ArrayBuffer>;
}
