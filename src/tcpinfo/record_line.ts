/** Lines of an archive: one JSON object a record, as M-Lab's tcp-info writes them. */
import { rfc3339 } from "./changes.ts";
import { ZERO_TIME } from "./csv_record.ts";
import { DIAG_MESSAGE_BYTES, type SocketMessage } from "./wire.ts";

/** What the first line of a file tells. */
export interface ArchiveMetadata {
  readonly uuid: string;
  readonly sequence: number;
  /** Unix milliseconds of the connection's first record. */
  readonly startMs: number;
}

const encoder = new TextEncoder();

/** The first line of a file, with its line feed. */
export function encodeMetadata({ uuid, sequence, startMs }: ArchiveMetadata): Uint8Array<ArrayBuffer> {
  const metadata = { UUID: uuid, Sequence: sequence, StartTime: rfc3339(startMs) };
  return encoder.encode(JSON.stringify({ Timestamp: ZERO_TIME, Metadata: metadata }) + "\n");
}

const HEAD = encoder.encode('{"Timestamp":"');
const RAW = encoder.encode('","RawIDM":"');
const ATTRIBUTES = encoder.encode('","Attributes":[');
const NULL = encoder.encode("null");
const END = encoder.encode("]}\n");
const BASE64 = encoder.encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const [QUOTE, COMMA, PAD] = [0x22, 0x2c, 0x3d];
/** The fixed texts, a time of at most 24 characters, and for each attribute up to five beside its value. */
const FRAME_BYTES = 400;

/** Encodes records into one buffer that it keeps. */
export class RecordEncoder {
  /** The line that was encoded last stands at its start. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(2048);
  /** Bytes of that line, its line feed included. */
  length = 0;
  #timeMs = NaN;
  /** All records of a dump have one time. */
  #time: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** @param timeMs Unix milliseconds */
  encode(message: SocketMessage, timeMs: number): void {
    const most = FRAME_BYTES + (message.end - message.start) * 2;
    if (this.bytes.length < most) this.bytes = new Uint8Array(2 * most);
    if (timeMs !== this.#timeMs) {
      this.#timeMs = timeMs;
      this.#time = encoder.encode(rfc3339(timeMs));
    }
    this.length = 0;
    this.#add(HEAD);
    this.#add(this.#time);
    this.#add(RAW);
    this.#addBase64(message.bytes, message.start, DIAG_MESSAGE_BYTES);
    this.#add(ATTRIBUTES);
    for (let number = 0; number <= message.highest; number++) {
      if (number > 0) this.bytes[this.length++] = COMMA;
      if (!message.has(number)) {
        this.#add(NULL);
        continue;
      }
      this.bytes[this.length++] = QUOTE;
      this.#addBase64(message.bytes, message.at(number), message.length(number));
      this.bytes[this.length++] = QUOTE;
    }
    this.#add(END);
  }

  #add(text: Uint8Array): void {
    const { bytes } = this;
    for (let i = 0; i < text.length; i++) bytes[this.length++] = text[i]!;
  }

  /** RFC 4648 section 4, padded. */
  #addBase64(from: Uint8Array, at: number, length: number): void {
    const { bytes } = this;
    let to = this.length;
    const whole = at + length - length % 3, end = at + length;
    for (; at < whole; at += 3) {
      const three = from[at]! << 16 | from[at + 1]! << 8 | from[at + 2]!;
      bytes[to++] = BASE64[three >> 18]!;
      bytes[to++] = BASE64[three >> 12 & 63]!;
      bytes[to++] = BASE64[three >> 6 & 63]!;
      bytes[to++] = BASE64[three & 63]!;
    }
    if (at < end) {
      const hasTwo = end - at === 2;
      const two = from[at]! << 8 | (hasTwo ? from[at + 1]! : 0);
      bytes[to++] = BASE64[two >> 10]!;
      bytes[to++] = BASE64[two >> 4 & 63]!;
      bytes[to++] = hasTwo ? BASE64[two << 2 & 63]! : PAD;
      bytes[to++] = PAD;
    }
    this.length = to;
  }
}
