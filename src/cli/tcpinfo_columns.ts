/** Sockets as rows: of a table for people, of tab-separated values for programs. */
import {
  addressText,
  DESTINATION_AT,
  type SocketMessage,
  type SocketValues,
  SOURCE_AT,
  stateName,
  type TcpInfoField,
  TcpInfoIndex,
} from "../tcpinfo/mod.ts";
import { endpoint } from "./tcpinfo_events.ts";

/** One column of tab-separated values; empty where the kernel does not tell. */
type Column = readonly [name: string, value: (socket: SocketMessage, values: SocketValues) => string | number];

const info = (field: TcpInfoField) => (_: SocketMessage, values: SocketValues) => values.info[TcpInfoIndex[field]]!;
const source = ({ family, bytes, start }: SocketMessage) =>
  addressText(family, bytes.subarray(start + SOURCE_AT, start + SOURCE_AT + 16));
const destination = ({ family, bytes, start }: SocketMessage) =>
  addressText(family, bytes.subarray(start + DESTINATION_AT, start + DESTINATION_AT + 16));
const cookie = ({ cookieHigh, cookieLow }: SocketMessage) =>
  cookieHigh.toString(16).padStart(8, "0") + cookieLow.toString(16).padStart(8, "0");

/** Columns of tab-separated values. Times are in microseconds, sizes in bytes, rates in bytes a second. */
const COLUMNS: readonly Column[] = [
  ["state", ({ state }) => stateName(state)],
  ["family", ({ family }) => family === 2 ? 4 : 6],
  ["source", source],
  ["source_port", ({ sourcePort }) => sourcePort],
  ["destination", destination],
  ["destination_port", ({ destinationPort }) => destinationPort],
  ["interface", ({ interfaceIndex }) => interfaceIndex],
  ["cookie", cookie],
  ["uid", ({ uid }) => uid],
  ["inode", ({ inode }) => inode],
  ["timer", ({ timer }) => timer],
  ["expires_ms", ({ expires }) => expires],
  ["rqueue", ({ rqueue }) => rqueue],
  ["wqueue", ({ wqueue }) => wqueue],
  ["congestion", (_, { congestion }) => congestion],
  ["rtt_us", info("rtt")],
  ["rttvar_us", info("rttvar")],
  ["min_rtt_us", info("min_rtt")],
  ["rto_us", info("rto")],
  ["snd_mss", info("snd_mss")],
  ["snd_cwnd", info("snd_cwnd")],
  ["unacked", info("unacked")],
  ["retransmits", info("total_retrans")],
  ["bytes_sent", info("bytes_sent")],
  ["bytes_acked", info("bytes_acked")],
  ["bytes_received", info("bytes_received")],
  ["bytes_retrans", info("bytes_retrans")],
  ["delivery_rate", info("delivery_rate")],
  ["drops", (_, { skmeminfo }) => skmeminfo[8]!],
];

/** The names of the columns as a line. */
export const TSV_HEADER: string = COLUMNS.map(([name]) => name).join("\t");

/** A socket as a line of tab-separated values. */
export function tsvLine(socket: SocketMessage, values: SocketValues): string {
  return COLUMNS.map(([, value]) => {
    const cell = value(socket, values);
    return typeof cell === "number" && Number.isNaN(cell) ? "" : String(cell).replaceAll(/[\t\n\r\\]/g, "?");
  }).join("\t");
}

const HEADS = ["STATE", "RECV-Q", "SEND-Q", "LOCAL", "REMOTE", "RTT", "CWND", "RETR", "SENT", "RECEIVED", "CC"];
/** Columns of the table whose cells end at its right edge. */
const RIGHT = new Set(["RECV-Q", "SEND-Q", "RTT", "CWND", "RETR", "SENT", "RECEIVED"]);

/** The cells of a socket in the table; `-` where the kernel does not tell. */
export function tableRow(socket: SocketMessage, values: SocketValues): string[] {
  const { info } = values;
  const known = (value: number, show: (value: number) => string) => Number.isNaN(value) ? "-" : show(value);
  const isListening = socket.state === 10;
  return [
    stateName(socket.state),
    String(socket.rqueue),
    String(socket.wqueue),
    endpoint(source(socket), socket.sourcePort),
    isListening ? "*" : endpoint(destination(socket), socket.destinationPort),
    isListening ? "-" : known(info[TcpInfoIndex.rtt]!, milliseconds),
    isListening ? "-" : known(info[TcpInfoIndex.snd_cwnd]!, String),
    isListening ? "-" : known(info[TcpInfoIndex.total_retrans]!, String),
    isListening ? "-" : known(info[TcpInfoIndex.bytes_sent]!, size),
    isListening ? "-" : known(info[TcpInfoIndex.bytes_received]!, size),
    values.congestion || "-",
  ];
}

/** Rows under their heads, a line each, in columns as wide as they must be. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const all = [HEADS, ...rows];
  const widths = HEADS.map((_, i) => all.reduce((width, row) => Math.max(width, row[i]!.length), 0));
  return all.map((row) =>
    row.map((cell, i) => RIGHT.has(HEADS[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join("  ")
      .trimEnd()
  );
}

/** `12.3ms` of microseconds. */
function milliseconds(us: number): string {
  return `${us < 100_000 ? (us / 1000).toFixed(us < 10_000 ? 2 : 1) : Math.round(us / 1000)}ms`;
}

/** `1.5M` of bytes: units of 1024, three digits. */
export function size(bytes: number): string {
  let unit = 0, shown = bytes;
  while (shown >= 999.5 && unit < 5) [shown, unit] = [shown / 1024, unit + 1];
  const digits = unit === 0 || shown >= 99.95 ? 0 : shown >= 9.995 ? 1 : 2;
  return `${shown.toFixed(digits)}${["", "K", "M", "G", "T", "P"][unit]}`;
}
