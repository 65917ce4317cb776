/** The body of an import, from its bytes to series. Pure. */
import { inflateSync } from "node:zlib";
import { type DecodedImport, decodeImport } from "./forward_wire.ts";

/** Bytes of the largest body as sent, and of the largest once inflated. */
export const IMPORT_LIMITS = { bodyBytes: 64 * 1024 * 1024, inflatedBytes: 512 * 1024 * 1024 } as const;

/** Why an import is refused as a whole; `cause` labels `import.request_error_total`. */
export interface ImportRequestError {
  readonly status: 400 | 413 | 415;
  readonly cause: "unknown_content_encoding" | "deflate" | "toolarge" | "json" | "empty";
  readonly message: string;
}

/** There are no series in a body's elements. */
export const EMPTY_IMPORT: ImportRequestError = refuse(400, "empty", "there is nothing in it");

/** A body is JSON of another shape, or none. */
export const NO_IMPORT: ImportRequestError = refuse(400, "json", "it is no JSON array of series");

/**
 * Reads a body.
 *
 * @param encoding the request's `Content-Encoding`, "" without one
 */
export function readImportBody(body: Uint8Array, encoding: string): DecodedImport | ImportRequestError {
  const plain = inflateImport(body, encoding);
  if (!(plain instanceof Uint8Array)) return plain;
  const decoded = decodeImport(new TextDecoder().decode(plain));
  switch (decoded) {
    case "json":
      return NO_IMPORT;
    case "empty":
      return EMPTY_IMPORT;
    default:
      return decoded;
  }
}

/** A body as it was before it was compressed, if it was. */
export function inflateImport(body: Uint8Array, encoding: string): Uint8Array | ImportRequestError {
  if (!["", "identity", "deflate"].includes(encoding)) {
    return refuse(415, "unknown_content_encoding", `its encoding is ${encoding}; send deflate (zlib) or none`);
  }
  if (body.length > IMPORT_LIMITS.bodyBytes) return tooLarge();
  if (encoding !== "deflate") return body;
  try {
    return inflateSync(body, { maxOutputLength: IMPORT_LIMITS.inflatedBytes });
  } catch (error) {
    if (error instanceof RangeError) return tooLarge(); // ERR_BUFFER_TOO_LARGE
    return refuse(400, "deflate", "it is not zlib, which is what deflate means in HTTP");
  }
}

function tooLarge(): ImportRequestError {
  const { bodyBytes, inflatedBytes } = IMPORT_LIMITS;
  return refuse(413, "toolarge", `it is larger than ${bodyBytes} bytes, or ${inflatedBytes} inflated`);
}

function refuse(
  status: ImportRequestError["status"],
  cause: ImportRequestError["cause"],
  why: string,
): ImportRequestError {
  return { status, cause, message: `Cannot import the body: ${why}` };
}
