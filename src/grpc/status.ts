/** How a call ends. */

/** Status codes, by the names they have everywhere (gRPC, "Status codes and their use in gRPC"). */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type Code = (typeof Code)[keyof typeof Code];

/** The status of a call: a code and, unless it is OK, why. */
export interface GrpcStatus {
  readonly code: Code;
  /** "" where the peer says nothing. */
  readonly message: string;
}

/** The status of a call that went well. */
export const OK: GrpcStatus = { code: Code.OK, message: "" };

const NAMES = Object.keys(Code);

/** The name of a code. */
export function codeName(code: Code): string {
  return NAMES[code]!;
}

/** The code that stands in `grpc-status`; a number that means nothing is UNKNOWN, as the protocol has it. */
export function parseCode(text: string): Code {
  const code = /^\d{1,2}$/.test(text) ? Number(text) : Code.UNKNOWN;
  return code < NAMES.length ? code as Code : Code.UNKNOWN;
}

/** The status of an answer that is not gRPC's but some HTTP server's ("HTTP to gRPC Status Code Mapping"). */
export function statusOfHttp(httpStatus: number): GrpcStatus {
  const message = `it answered HTTP ${httpStatus}`;
  switch (httpStatus) {
    case 400:
      return { code: Code.INTERNAL, message };
    case 401:
      return { code: Code.UNAUTHENTICATED, message };
    case 403:
      return { code: Code.PERMISSION_DENIED, message };
    case 404:
      return { code: Code.UNIMPLEMENTED, message };
    case 429:
    case 502:
    case 503:
    case 504:
      return { code: Code.UNAVAILABLE, message };
    default:
      return { code: Code.UNKNOWN, message };
  }
}

const utf8 = new TextEncoder();

/** A message as `grpc-message` carries it: UTF-8, with `%` and what is not printable ASCII escaped as `%HH`. */
export function escapeMessage(message: string): string {
  let escaped = "";
  for (const byte of utf8.encode(message)) {
    escaped += byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

/** What `escapeMessage` wrote; what is no escape stands for itself, as the protocol asks. */
export function unescapeMessage(escaped: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < escaped.length; i++) {
    const hex = escaped[i] === "%" ? escaped.slice(i + 1, i + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else bytes.push(...utf8.encode(escaped[i]));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
