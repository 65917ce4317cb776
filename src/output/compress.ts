import { deflate, gzip } from "node:zlib";

/** The zlib format (RFC 1950), which is what HTTP's `Content-Encoding: deflate` means. Works on the thread pool. */
export function deflateBytes(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => deflate(bytes, (error, out) => error ? reject(error) : resolve(owned(out))));
}

/** One complete gzip member (RFC 1952). Works on the thread pool. */
export function gzipBytes(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => gzip(bytes, (error, out) => error ? reject(error) : resolve(owned(out))));
}

/** Node's type leaves open whether its memory is shared; that of zlib never is. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
