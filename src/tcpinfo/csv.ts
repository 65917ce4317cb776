/** Archives as CSV: the columns of M-Lab's csvtool, byte for byte, and more behind them on request. */
import { ArchiveLineError, RecordReader, ZERO_TIME } from "./csv_record.ts";
import { DESTINATION_AT, type SocketMessage, SOURCE_AT } from "./wire.ts";
import { addressText } from "./wire_address.ts";
import { Attribute } from "./wire_attributes.ts";
import { TCP_INFO_BYTES } from "./wire_tcp_info.ts";
import { cText } from "./wire_values.ts";

type FieldType = "u8" | "u16" | "u32" | "i32" | "i64" | "u64";
const WIDTHS: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, i32: 4, i64: 8, u64: 8 };

/** A column that is a field of a structure. */
interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly at: number;
}

/** A structure that is an attribute: its columns are empty where it was not sent. */
interface Structure {
  readonly attribute: number;
  /** Bytes that are understood. */
  readonly known: number;
  readonly fields: readonly Field[];
}

/** Fields of one type one behind the other. */
function fields(prefix: string, type: FieldType, at: number, names: string): Field[] {
  return names.split(" ").map((name, i) => ({ name: `${prefix}${name}`, type, at: at + i * WIDTHS[type] }));
}

/** `struct tcp_info`. Of the four times at 44 the last has the name of the one before it: that is what readers know. */
const TCP_INFO: Structure = {
  attribute: Attribute.info,
  known: TCP_INFO_BYTES,
  fields: [
    ...fields("TCP.", "u8", 0, "State CAState Retransmits Probes Backoff Options WScale AppLimited"),
    ...fields("TCP.", "u32", 8, "RTO ATO SndMSS RcvMSS Unacked Sacked Lost Retrans Fackets"),
    ...fields("TCP.", "u32", 44, "LastDataSent LastAckSent LastDataRecv LastDataRecv"),
    ...fields("TCP.", "u32", 60, "PMTU RcvSsThresh RTT RTTVar SndSsThresh SndCwnd AdvMSS Reordering RcvRTT RcvSpace"),
    ...fields("TCP.", "u32", 100, "TotalRetrans"),
    ...fields("TCP.", "i64", 104, "PacingRate MaxPacingRate BytesAcked BytesReceived"),
    ...fields("TCP.", "i32", 136, "SegsOut SegsIn"),
    ...fields("TCP.", "u32", 144, "NotsentBytes MinRTT DataSegsIn DataSegsOut"),
    ...fields("TCP.", "i64", 160, "DeliveryRate BusyTime RWndLimited SndBufLimited"),
    ...fields("TCP.", "u32", 192, "Delivered DeliveredCE"),
    ...fields("TCP.", "i64", 200, "BytesSent BytesRetrans"),
    ...fields("TCP.", "u32", 216, "DSackDups ReordSeen RcvOooPack SndWnd"),
  ],
};

const STRUCTURES: readonly Structure[] = [
  TCP_INFO,
  { attribute: Attribute.meminfo, known: 16, fields: fields("MemInfo.", "u32", 0, "Rmem Wmem Fmem Tmem") },
  {
    attribute: Attribute.skmeminfo,
    known: 36,
    fields: fields(
      "SKMemInfo.",
      "u32",
      0,
      "RmemAlloc Rcvbuf WmemAlloc Sndbug FwdAlloc WmemQueued Optmem Backlog Drops",
    ),
  },
  { attribute: Attribute.vegasinfo, known: 16, fields: fields("Vegas.", "u32", 0, "Enabled RTTCount RTT MinRTT") },
  {
    attribute: Attribute.dctcpinfo,
    known: 16,
    fields: [...fields("DCTCP.", "u16", 0, "Enabled CEState"), ...fields("DCTCP.", "u32", 4, "Alpha ABEcn ABTot")],
  },
  {
    attribute: Attribute.bbrinfo,
    known: 20,
    fields: [...fields("BBR.", "i64", 0, "BW"), ...fields("BBR.", "u32", 8, "MinRTT PacingGain CwndGain")],
  },
];

/** Columns behind those of csvtool: what kernels have told since. `Word276` is laid out as the kernel's release has it. */
const EXTRA: readonly Structure[] = [
  {
    attribute: Attribute.info,
    known: TCP_INFO_BYTES,
    fields: [
      ...fields("TCP.", "u32", 232, "RcvWnd Rehash"),
      ...fields("TCP.", "u16", 240, "TotalRTO TotalRTORecoveries"),
      ...fields("TCP.", "u32", 244, "TotalRTOTime ReceivedCE DeliveredE1Bytes DeliveredE0Bytes DeliveredCEBytes"),
      ...fields("TCP.", "u32", 264, "ReceivedE1Bytes ReceivedE0Bytes ReceivedCEBytes Word276"),
    ],
  },
  { attribute: Attribute.skv6only, known: 1, fields: fields("", "u8", 0, "SKV6Only") },
  { attribute: Attribute.cgroupId, known: 8, fields: fields("", "u64", 0, "CgroupID") },
  { attribute: Attribute.sockopt, known: 2, fields: fields("", "u16", 0, "SockOpt") },
];

const DIAG_COLUMNS = "Family State Timer Retrans SockID.SPort SockID.DPort SockID.Src SockID.Dst SockID.Interface " +
  "SockID.Cookie Expires Rqueue Wqueue UID Inode";
const NO_SOCKET = ",".repeat(DIAG_COLUMNS.split(" ").length - 1);

/** What a time is when a record has none. */
const NO_TIME = "2009-05-29T23:59:59Z";

/** The highest attribute whose meaning is known. */
const HIGHEST_KNOWN: number = Attribute.sockopt;

/** Longest line that is taken, in UTF-16 units. */
const MOST_LINE_LENGTH = 16 * 1024 * 1024;

/** The first row, without its line feed. */
export function csvHeader(extra = false): string {
  const columns = [
    "Timestamp",
    "Observed",
    "NotFullyParsed",
    ...DIAG_COLUMNS.split(" ").map((name) => `IDM.${name}`),
    "CongestionAlgorithm",
    "TOS",
    "TClass",
    "ClassID",
    "Shutdown",
    "Protocol",
    "Mark",
  ];
  for (const { fields } of extra ? [...STRUCTURES, ...EXTRA] : STRUCTURES) {
    columns.push(...fields.map(({ name }) => name));
  }
  return columns.join(",");
}

/**
 * Turns the text of an archive into rows: one a line of the archive, also for the one that only names the connection.
 *
 * A structure that was not sent leaves its cells empty; a single value that was not sent is 0, as is a field that the kernel
 * did not have yet.
 *
 * @example
 * ```ts
 * import { ArchiveCsv, csvHeader } from "./mod.ts";
 *
 * const csv = new ArchiveCsv();
 * const line = `{"Timestamp":"0001-01-01T00:00:00Z","Metadata":{"UUID":"host_1_00000000000003E8","Sequence":0}}\n`;
 * const [row] = csv.rows(new TextEncoder().encode(line));
 * console.assert(csvHeader().startsWith("Timestamp,Observed") && row!.startsWith("2009-05-29T23:59:59Z,0,0,"));
 * ```
 */
export class ArchiveCsv {
  readonly #structures: readonly Structure[];
  readonly #record = new RecordReader();
  readonly #decoder = new TextDecoder();
  #rest = "";
  #line = 0;
  #blank = 0;

  /** @param options `extra`: also the columns behind those of csvtool */
  constructor(options: { readonly extra?: boolean } = {}) {
    this.#structures = options.extra ? [...STRUCTURES, ...EXTRA] : STRUCTURES;
  }

  /** Lines passed over because nothing is on them. */
  get blankLines(): number {
    return this.#blank;
  }

  /**
   * The rows of the lines that these bytes complete, without line feeds.
   *
   * @throws {ArchiveLineError} at a line that cannot be read, or is longer than 16 Mi characters; rows before it have been given
   */
  *rows(bytes: Uint8Array): Generator<string> {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) yield* this.#row(line);
    if (this.#rest.length > MOST_LINE_LENGTH) {
      throw new ArchiveLineError(this.#line + 1, `it is longer than ${MOST_LINE_LENGTH} characters`);
    }
  }

  /** The row of a last line without a line feed. @throws {ArchiveLineError} */
  *end(): Generator<string> {
    const line = this.#rest + this.#decoder.decode();
    this.#rest = "";
    if (line !== "") yield* this.#row(line);
  }

  *#row(line: string): Generator<string> {
    this.#line++;
    if (line.trim() === "") {
      this.#blank++;
      return;
    }
    this.#record.load(line, this.#line);
    yield this.#recordRow();
  }

  #recordRow(): string {
    const { hasSocket, message, timestamp } = this.#record;
    const time = timestamp === ZERO_TIME ? NO_TIME : timestamp;
    if (!hasSocket) return `${time},0,0,${NO_SOCKET},,0,0,0,0,0,0${this.#structures.map(emptyCells).join("")}`;
    let row = `${time},${observed(message)},${notUnderstood(message)},${diagCells(message)},${singleCells(message)}`;
    for (const structure of this.#structures) row += structureCells(message, structure);
    return row;
  }
}

function emptyCells({ fields }: Structure): string {
  return ",".repeat(fields.length);
}

/** Bit n - 1 for attribute n; there are 32. */
function observed(message: SocketMessage): number {
  return (message.presentLow >>> 1 | message.presentHigh << 31) >>> 0;
}

/** The same bits for attributes that have no meaning here, or are longer than their structure. */
function notUnderstood(message: SocketMessage): number {
  let bits = 0;
  for (const { attribute, known } of STRUCTURES) {
    if (message.length(attribute) > known) bits |= 1 << attribute - 1;
  }
  if (message.has(Attribute.mark) && message.length(Attribute.mark) !== 4) bits |= 1 << Attribute.mark - 1;
  for (let number = HIGHEST_KNOWN + 1; number <= 32; number++) {
    if (message.has(number)) bits |= 1 << number - 1;
  }
  return bits >>> 0;
}

function diagCells(message: SocketMessage): string {
  const { bytes, start, family } = message;
  const source = addressText(family, bytes.subarray(start + SOURCE_AT, start + SOURCE_AT + 16));
  const destination = addressText(family, bytes.subarray(start + DESTINATION_AT, start + DESTINATION_AT + 16));
  const cookie = (BigInt(message.cookieHigh) << 32n | BigInt(message.cookieLow)).toString(16).toUpperCase();
  return `${family},${message.state},${message.timer},${message.retransmits},${message.sourcePort},` +
    `${message.destinationPort},${source},${destination},${message.interfaceIndex},${cookie},${message.expires},` +
    `${message.rqueue},${message.wqueue},${message.uid},${message.inode}`;
}

function singleCells(message: SocketMessage): string {
  const congestion = cText(message.bytes, message.at(Attribute.cong), message.length(Attribute.cong));
  const classId = number(message, Attribute.classId, "u32");
  const mark = message.length(Attribute.mark) === 4 ? number(message, Attribute.mark, "u32") : 0;
  return `${quoted(congestion)},${number(message, Attribute.tos, "u8")},${number(message, Attribute.tclass, "u8")},` +
    `${classId},${number(message, Attribute.shutdown, "u8")},${number(message, Attribute.protocol, "u8")},${mark}`;
}

/** A value that is an attribute by itself; 0 if it was not sent. */
function number(message: SocketMessage, attribute: number, type: FieldType): number | bigint {
  return message.length(attribute) >= WIDTHS[type] ? read(message.view, message.at(attribute), type) : 0;
}

function structureCells(message: SocketMessage, structure: Structure): string {
  const { attribute, fields } = structure;
  if (!message.has(attribute)) return emptyCells(structure);
  const at = message.at(attribute), length = message.length(attribute), { view } = message;
  let cells = "";
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!; // below the length
    cells += field.at + WIDTHS[field.type] <= length ? `,${read(view, at + field.at, field.type)}` : ",0";
  }
  return cells;
}

function read(view: DataView, at: number, type: FieldType): number | bigint {
  switch (type) {
    case "u8":
      return view.getUint8(at);
    case "u16":
      return view.getUint16(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "i64":
      return view.getBigInt64(at, true);
    case "u64":
      return view.getBigUint64(at, true);
  }
}

/** A cell in quotes where it needs them, RFC 4180; no name that a kernel gives does. */
function quoted(cell: string): string {
  return /[",\r\n]|^\s/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
