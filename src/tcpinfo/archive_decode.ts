/** An archive's file as objects: `limier decode tcpinfo-archive`. */
import { errorText } from "../telemetry/mod.ts";
import { ArchiveLineError, RecordReader, ZERO_TIME } from "./csv_record.ts";
import { recordObject } from "./record_object.ts";
import type { TcpInfoLayout } from "./wire_tcp_info.ts";
import type { JsonObject } from "./wire_structures.ts";
import { decompressZstd, ZstdError } from "./zstd_frames.ts";

const LF = 0x0a;
/** A longer line is an error; one with every attribute at its longest stays far below. */
const MOST_LINE_BYTES = 16 * 1024 * 1024;

/**
 * Decodes a `.jsonl.zst` file: `metadata` and `snapshot` objects in the order of their lines, metadata before the snapshot of
 * the same line, and errors with the line's number as `record`. Codes of errors: `line` (one that is no record; the others
 * go on), `long_line`, `zstd` (the file can't be read to its end; what could be was given).
 *
 * @returns whether the file could be read to its end
 */
export function* decodeArchive(bytes: Uint8Array, layout?: TcpInfoLayout): Generator<JsonObject, boolean> {
  const reader = new RecordReader();
  const decoder = new TextDecoder();
  let record = 0;
  let rest = new Uint8Array(0);
  const pieces = decompressZstd(bytes);
  for (;;) {
    let piece: Uint8Array | undefined;
    let failure: ZstdError | undefined;
    try {
      const next = pieces.next();
      piece = next.done ? undefined : next.value;
    } catch (error) {
      if (!(error instanceof ZstdError)) throw error;
      failure = error;
    }
    if (piece === undefined) {
      // Without a line feed it is a line all the same, unless it was cut off.
      if (rest.length > 0 && failure === undefined) yield* readLine(reader, decoder.decode(rest), ++record, layout);
      if (failure === undefined) return true;
      yield { kind: "error", code: "zstd", message: failure.message, at: failure.at };
      return false;
    }
    let at = 0;
    for (let end = piece.indexOf(LF); end >= 0; end = piece.indexOf(LF, at)) {
      const line = joined(rest, piece.subarray(at, end));
      rest = new Uint8Array(0);
      at = end + 1;
      record++;
      if (line.length > MOST_LINE_BYTES) yield longLine(record);
      else if (line.length > 0) yield* readLine(reader, decoder.decode(line), record, layout);
    }
    rest = joined(rest, piece.subarray(at)).slice();
    if (rest.length > MOST_LINE_BYTES) {
      yield longLine(record + 1);
      return false;
    }
  }
}

function longLine(record: number): JsonObject {
  const message = `Cannot read line ${record}: it is longer than ${MOST_LINE_BYTES} bytes`;
  return { kind: "error", code: "long_line", message, record };
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) return tail;
  const all = new Uint8Array(head.length + tail.length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}

function* readLine(
  reader: RecordReader,
  line: string,
  record: number,
  layout: TcpInfoLayout | undefined,
): Generator<JsonObject> {
  try {
    reader.load(line, record);
    const metadata = metadataOf(line, record);
    if (metadata !== undefined) yield metadata;
    if (!reader.hasSocket) return;
    const timestamp = reader.timestamp === ZERO_TIME ? null : reader.timestamp;
    yield { kind: "snapshot", ...recordObject(reader.message, timestamp, layout) };
  } catch (error) {
    if (!(error instanceof ArchiveLineError)) throw error;
    yield { kind: "error", code: "line", message: errorText(error), record };
  }
}

/** What a line names its connection by; undefined if it does not. The line was read before. */
function metadataOf(line: string, record: number): JsonObject | undefined {
  if (!line.includes('"Metadata"')) return undefined;
  const { Metadata: metadata } = JSON.parse(line) as { Metadata?: unknown };
  if (typeof metadata !== "object" || metadata === null) return undefined;
  const { UUID: uuid, Sequence: sequence, StartTime: startTime } = metadata as Record<string, unknown>;
  const isText = typeof uuid === "string" && (startTime === undefined || typeof startTime === "string");
  if (!isText || !(sequence === undefined || Number.isSafeInteger(sequence))) {
    throw new ArchiveLineError(record, "its Metadata has a value of another type");
  }
  return { kind: "metadata", uuid, sequence: sequence as number ?? 0, start_time: startTime ?? null };
}
