/** Lines of an archive as sockets. */
import { DIAG_MESSAGE_BYTES, Refusal, SocketMessage } from "./wire.ts";
import { HIGHEST_ATTRIBUTE } from "./wire_attributes.ts";

/** A line of an archive that cannot be read. */
export class ArchiveLineError extends Error {
  override readonly name = "ArchiveLineError";
  readonly code = "tcpinfo.archive_line";

  /** @param line counted from 1 */
  constructor(readonly line: number, why: string) {
    super(`Cannot read line ${line}: ${why}`);
  }
}

/** What a time is when there is none. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** A value of a netlink attribute, with its header, must have its length in 16 bits. */
const MOST_VALUE_BYTES = 65_531;

/** One record at a time, read where it stands: the next `load()` overwrites it. */
export class RecordReader {
  /** RFC 3339, without trailing zeros in the fraction. */
  timestamp: string = ZERO_TIME;
  /** Whether the record is about a socket; what only names the connection is not. */
  hasSocket = false;
  readonly message: SocketMessage = new SocketMessage();
  #payload = new Uint8Array(1024);
  #view = new DataView(this.#payload.buffer);

  /**
   * Reads a line.
   *
   * @param number of the line, for errors
   * @throws {ArchiveLineError}
   */
  load(line: string, number: number): void {
    const record = parsed(line, number);
    this.timestamp = canonicalTime(record["Timestamp"], number);
    const raw = record["RawIDM"];
    this.hasSocket = raw !== undefined && raw !== null && raw !== "";
    if (this.hasSocket) this.#loadSocket(raw, record["Attributes"], number);
    else if (typeof record["Metadata"] !== "object" || record["Metadata"] === null) {
      throw new ArchiveLineError(number, "it has neither RawIDM nor Metadata");
    }
  }

  #loadSocket(raw: unknown, attributes: unknown, line: number): void {
    const head = bytesOf(raw, "RawIDM", line);
    if (head.length < DIAG_MESSAGE_BYTES) {
      throw new ArchiveLineError(line, `its RawIDM has ${head.length} of ${DIAG_MESSAGE_BYTES} bytes`);
    }
    this.#payload.set(head.subarray(0, DIAG_MESSAGE_BYTES));
    let end = DIAG_MESSAGE_BYTES;
    if (attributes !== undefined && attributes !== null) {
      if (!Array.isArray(attributes)) throw new ArchiveLineError(line, "its Attributes are no list");
      for (let number = 0; number < attributes.length && number <= HIGHEST_ATTRIBUTE; number++) {
        if (attributes[number] !== null) {
          end = this.#addAttribute(end, number, bytesOf(attributes[number], `attribute ${number}`, line), line);
        }
      }
    }
    if (this.message.load(this.#payload, 0, end) !== Refusal.none) {
      throw new ArchiveLineError(line, "its socket cannot be put together");
    }
  }

  /** @returns where the next one begins */
  #addAttribute(at: number, number: number, value: Uint8Array, line: number): number {
    if (value.length > MOST_VALUE_BYTES) {
      throw new ArchiveLineError(line, `its attribute ${number} is longer than an attribute can be`);
    }
    const end = at + 4 + (value.length + 3 & ~3);
    if (end > this.#payload.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(this.#payload.subarray(0, at));
      this.#payload = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#view.setUint16(at, 4 + value.length, true);
    this.#view.setUint16(at + 2, number, true);
    this.#payload.set(value, at + 4);
    return end;
  }
}

function parsed(line: string, number: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ArchiveLineError(number, `it is no JSON, ${error.message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ArchiveLineError(number, "it is no record");
  }
  return value as Record<string, unknown>;
}

function bytesOf(value: unknown, what: string, line: number): Uint8Array {
  if (typeof value !== "string") throw new ArchiveLineError(line, `its ${what} is no text`);
  try {
    return Uint8Array.fromBase64(value, { lastChunkHandling: "strict" });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ArchiveLineError(line, `its ${what} is not base64`);
  }
}

const TIME = /^(\d{4}-(?:0[1-9]|1[0-2])-[0-3]\d[Tt][0-2]\d:[0-5]\d:[0-6]\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

/** The same time and zone in one spelling. */
function canonicalTime(value: unknown, line: number): string {
  if (value === undefined || value === null) return ZERO_TIME;
  const [, seconds, fraction = "", zone] = typeof value === "string" ? TIME.exec(value) ?? [] : [];
  if (seconds === undefined || zone === undefined) {
    throw new ArchiveLineError(line, "its Timestamp is no RFC 3339 time");
  }
  const digits = fraction.replace(/0+$/, "");
  const utc = /^([Zz]|[+-]00:00)$/.test(zone) ? "Z" : zone;
  return `${seconds.toUpperCase()}${digits === "" ? "" : `.${digits}`}${utc}`;
}
