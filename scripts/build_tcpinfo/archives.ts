/** Files of an archive, by name. */
import { constants, zstdCompressSync } from "node:zlib";

/** One of them. */
export interface ArchiveFixture {
  readonly why: string;
  readonly bytes: Uint8Array;
  readonly options?: object;
}

const ZSTD = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

function frame(...lines: string[]): Uint8Array {
  return new Uint8Array(zstdCompressSync(new TextEncoder().encode(lines.join("")), ZSTD));
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const METADATA =
  '{"Timestamp":"0001-01-01T00:00:00Z","Metadata":{"UUID":"host_1700000000_1122334455667788","Sequence":0,' +
  '"StartTime":"2024-02-29T23:59:59.12Z"}}\n';
const RAW = "AgEBAAG7yCLAAAIKAAAAAAAAAAAAAAAAxjNkFwAAAAAAAAAAAAAAAAIAAACId2ZVRDMiEcwAAAAAAAAAqAUAAOgDAABA4gEA";
const SOCKET = `{"Timestamp":"2024-02-29T23:59:59.12Z","RawIDM":"${RAW}",` +
  '"Attributes":[null,null,null,null,"Y3ViaWMA","EA==",null,null,"AA=="]}\n';
const MINI =
  '{"Timestamp":"2024-02-29T23:59:59.12Z","RawIDM":"AgUDAJxBE4nAAAIKAAAAAAAAAAAAAAAAxjNkFwAAAAAAAAAAAAAAAAAAAABQ' +
  'sQYAAAAAANjeAAAAAAAAAAAAAAAAAAAAAAAA","Attributes":[null,null,null,null,null,null,null,null,null,null,null,null,null,' +
  'null,null,"AAAAAA=="]}\n';
const SKIPPABLE = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
const info = (length: number) => new Uint8Array(length).fill(1).toBase64();

export const ARCHIVES: Readonly<Record<string, ArchiveFixture>> = {
  one_frame: { why: "metadata and two records in one frame", bytes: frame(METADATA, SOCKET, MINI) },
  frames: {
    why: "frames one behind the other, a line across two of them, one that is skipped",
    bytes: joined(frame(METADATA), SKIPPABLE, frame(SOCKET.slice(0, 100)), frame(SOCKET.slice(100), MINI)),
  },
  cut_off: {
    why: "what is complete before the cut is given, then that the file ends there",
    bytes: joined(frame(METADATA, SOCKET), frame(MINI).subarray(0, 60)),
  },
  wrong_checksum: {
    why: "a frame whose checksum is wrong gives nothing",
    bytes: joined(frame(METADATA), frame(SOCKET).map((byte, i, all) => i === all.length - 1 ? byte ^ 1 : byte)),
  },
  no_zstd: { why: "bytes that are no frame", bytes: new TextEncoder().encode("plain text") },
  empty: { why: "an empty frame has no lines", bytes: frame("") },
  bad_lines: {
    why: "lines that are no records are said, by their number, and the others go on",
    bytes: frame(
      METADATA,
      "no JSON\n",
      "{}\n",
      `{"Timestamp":"2024-02-29T23:59:59.12Z","RawIDM":"${RAW.slice(0, 40)}"}\n`,
      '{"Timestamp":"2024-02-29T23:59:59.12Z","RawIDM":"!!!!"}\n',
      '{"Timestamp":"yesterday","Metadata":{"UUID":"u"}}\n',
      '{"Timestamp":"0001-01-01T00:00:00Z","Metadata":{"UUID":7}}\n',
      "\n",
      SOCKET,
    ),
  },
  metadata_anywhere: {
    why: "metadata behind records, twice, and with a record in one line",
    bytes: frame(
      SOCKET,
      METADATA,
      SOCKET.replace("}\n", ',"Metadata":{"UUID":"both","Sequence":3,"StartTime":"2024-03-01T00:00:00Z"}}\n'),
    ),
  },
  without_time: {
    why: "a record without a time, and one with a time of another zone and nanoseconds",
    bytes: frame(
      SOCKET.replace("2024-02-29T23:59:59.12Z", "0001-01-01T00:00:00Z"),
      SOCKET.replace("2024-02-29T23:59:59.12Z", "2019-08-26T19:55:42.754686952-04:00"),
    ),
  },
  last_line_without_feed: {
    why: "a last line without its line feed is a line",
    bytes: frame(METADATA, SOCKET.trimEnd()),
  },
  keys_unknown: {
    why: "keys that are not known are passed over",
    bytes: frame(SOCKET.replace("}\n", ',"Poll":17,"SincePrevMs":10}\n')),
  },
  tcp_info_lengths: {
    why: "tcp_info of each length that kernels send, and one that is longer than known",
    bytes: frame(...[104, 168, 224, 232, 240, 248, 280, 288].map((length) => {
      return SOCKET.replace("[null,null,null,", `[null,null,"${info(length)}",`);
    })),
    options: { set: { kernel_release: "6.18.44" } },
  },
};
