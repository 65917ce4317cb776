import assert from "node:assert/strict";
import { ArchiveCsv, csvHeader } from "./csv.ts";
import { ArchiveLineError } from "./csv_record.ts";
import { V4 } from "./testing.ts";

const HEADER =
  "Timestamp,Observed,NotFullyParsed,IDM.Family,IDM.State,IDM.Timer,IDM.Retrans,IDM.SockID.SPort,IDM.SockID.DPort," +
  "IDM.SockID.Src,IDM.SockID.Dst,IDM.SockID.Interface,IDM.SockID.Cookie,IDM.Expires,IDM.Rqueue,IDM.Wqueue,IDM.UID," +
  "IDM.Inode,CongestionAlgorithm,TOS,TClass,ClassID,Shutdown,Protocol,Mark,TCP.State,TCP.CAState,TCP.Retransmits," +
  "TCP.Probes,TCP.Backoff,TCP.Options,TCP.WScale,TCP.AppLimited,TCP.RTO,TCP.ATO,TCP.SndMSS,TCP.RcvMSS,TCP.Unacked," +
  "TCP.Sacked,TCP.Lost,TCP.Retrans,TCP.Fackets,TCP.LastDataSent,TCP.LastAckSent,TCP.LastDataRecv,TCP.LastDataRecv," +
  "TCP.PMTU,TCP.RcvSsThresh,TCP.RTT,TCP.RTTVar,TCP.SndSsThresh,TCP.SndCwnd,TCP.AdvMSS,TCP.Reordering,TCP.RcvRTT," +
  "TCP.RcvSpace,TCP.TotalRetrans,TCP.PacingRate,TCP.MaxPacingRate,TCP.BytesAcked,TCP.BytesReceived,TCP.SegsOut," +
  "TCP.SegsIn,TCP.NotsentBytes,TCP.MinRTT,TCP.DataSegsIn,TCP.DataSegsOut,TCP.DeliveryRate,TCP.BusyTime," +
  "TCP.RWndLimited,TCP.SndBufLimited,TCP.Delivered,TCP.DeliveredCE,TCP.BytesSent,TCP.BytesRetrans,TCP.DSackDups," +
  "TCP.ReordSeen,TCP.RcvOooPack,TCP.SndWnd,MemInfo.Rmem,MemInfo.Wmem,MemInfo.Fmem,MemInfo.Tmem,SKMemInfo.RmemAlloc," +
  "SKMemInfo.Rcvbuf,SKMemInfo.WmemAlloc,SKMemInfo.Sndbug,SKMemInfo.FwdAlloc,SKMemInfo.WmemQueued,SKMemInfo.Optmem," +
  "SKMemInfo.Backlog,SKMemInfo.Drops,Vegas.Enabled,Vegas.RTTCount,Vegas.RTT,Vegas.MinRTT,DCTCP.Enabled,DCTCP.CEState," +
  "DCTCP.Alpha,DCTCP.ABEcn,DCTCP.ABTot,BBR.BW,BBR.MinRTT,BBR.PacingGain,BBR.CwndGain";

/** A tcp_info of 280 bytes, of an upload over an unlimited path. */
const INFO =
  "010000000007a701e01c0300409c0000a80500001802000002000000000000000000000000000000000000000c00000000000000" +
  "0800000008000000dc05000058fa0000ac0d0000ee020000ffffff7f0a000000a805000003000000000000000839000000000000b6819700" +
  "00000000ffffffffffffffffa18601000000000005020000000000004b00000028000000000000001c0c0000020000004800000087d61200" +
  "0000000090d0030000000000000000000000000000000000000000004800000000000000f191010000000000000000000000000000000000" +
  "00000000000000000000010000fb00000000000001000100e70000000000000000000000000000000000000000000000000000000000000002" +
  "000000";
const INFO_CELLS =
  "1,0,0,0,0,7,167,1,204000,40000,1448,536,2,0,0,0,0,12,0,8,8,1500,64088,3500,750,2147483647,10,1448," +
  "3,0,14600,0,9929142,-1,100001,517,75,40,0,3100,2,72,1234567,250000,0,0,72,0,102897,0,0,0,0,65536";
const DIAG_CELLS = "2,1,1,0,443,51234,192.0.2.10,198.51.100.23,2,1122334455667788,204,0,1448,1000,123456";

const base64 = (hex: string) => Uint8Array.fromHex(hex).toBase64();
/** A line of an archive. */
function line(attributes: Record<number, string> = {}, { raw = V4, time = "2024-02-29T23:59:59.12Z" } = {}): string {
  const numbers = Object.keys(attributes).map(Number);
  const list = Array.from({ length: Math.max(0, ...numbers) + 1 }, (_, n) => {
    const value = attributes[n];
    return value === undefined ? null : base64(value);
  });
  return JSON.stringify({ Timestamp: time, RawIDM: base64(raw), Attributes: list });
}

function rows(text: string, options = {}): string[] {
  const csv = new ArchiveCsv(options);
  return [...csv.rows(new TextEncoder().encode(text)), ...csv.end()];
}

/** The cells of one line's row, by the header's names; where a name comes twice, the second. */
function cells(text: string, extra = false): Record<string, string> {
  const [row] = rows(text, { extra });
  const names = csvHeader(extra).split(","), values = row!.split(",");
  assert.equal(values.length, names.length);
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

Deno.test("csvHeader() names 105 columns", () => {
  assert.equal(csvHeader(), HEADER);
  assert.equal(HEADER.split(",").length, 105);
});

Deno.test("csvHeader() names more on request, behind the others", () => {
  assert.equal(
    csvHeader(true),
    `${HEADER},TCP.RcvWnd,TCP.Rehash,TCP.TotalRTO,TCP.TotalRTORecoveries,TCP.TotalRTOTime,TCP.ReceivedCE,` +
      "TCP.DeliveredE1Bytes,TCP.DeliveredE0Bytes,TCP.DeliveredCEBytes,TCP.ReceivedE1Bytes,TCP.ReceivedE0Bytes," +
      "TCP.ReceivedCEBytes,TCP.Word276,SKV6Only,CgroupID,SockOpt",
  );
});

const NAMES =
  `{"Timestamp":"0001-01-01T00:00:00Z","Metadata":{"UUID":"host_1700000000_1122334455667788","Sequence":0,` +
  `"StartTime":"2024-02-29T23:59:59.12Z"}}`;
const whole: [what: string, line: string, row: string][] = [
  [
    "what only names the connection",
    NAMES,
    `2009-05-29T23:59:59Z,0,0,${",".repeat(14)},,0,0,0,0,0,0${",".repeat(80)}`,
  ],
  [
    "a socket with three attributes",
    line({ 4: "637562696300", 5: "10", 8: "00" }),
    `2024-02-29T23:59:59.12Z,152,0,${DIAG_CELLS},cubic,16,0,0,0,0,0${",".repeat(80)}`,
  ],
  [
    "a socket without attributes",
    line(),
    `2024-02-29T23:59:59.12Z,0,0,${DIAG_CELLS},,0,0,0,0,0,0${",".repeat(80)}`,
  ],
  [
    "every structure",
    line({
      1: "01000000020000000300000004000000",
      2: INFO,
      3: "0100000005000000e02e000028230000",
      4: "62627200",
      5: "02",
      6: "03",
      7: "0b0000000c0000000d0000000e0000000f00000010000000110000001200000013000000",
      8: "01",
      9: "01000200000400000a000000d0070000",
      10: "06",
      15: "efbeadde",
      16: "00d007010100000008000000e3020000e4020000",
      17: "05000100",
    }),
    `2024-02-29T23:59:59.12Z,${0b11100001111111111},0,${DIAG_CELLS},bbr,2,3,65541,1,6,3735928559,${INFO_CELLS},` +
    "1,2,3,4,11,12,13,14,15,16,17,18,19,1,5,12000,9000,1,2,1024,10,2000,4312256512,8,739,740",
  ],
  [
    "a mini-socket",
    line({ 15: "00000000" }, {
      raw: "020503009c411389c000020a000000000000000000000000c63364170000000000000000000000000000000050b1060000000000" +
        `d8de0000${"00".repeat(16)}`,
    }),
    `2024-02-29T23:59:59.12Z,16384,0,2,5,3,0,40001,5001,192.0.2.10,198.51.100.23,0,6B150,57048,0,0,0,0,,0,0,0,0,0,0` +
    ",".repeat(80),
  ],
];

for (const [what, text, row] of whole) {
  Deno.test(`ArchiveCsv writes ${what}`, () => assert.deepEqual(rows(`${text}\n`), [row]));
}

const some: [what: string, line: string, want: Record<string, string>][] = [
  [
    "an IPv6 connection in CLOSE_WAIT",
    line({}, {
      raw: "0a08000020fb9c4020010db800000000000000000000001020010db800010000000000000000000200000000e803000000000000" +
        "000000000100000000000000000000004d000000",
    }),
    {
      "IDM.Family": "10",
      "IDM.SockID.Src": "2001:db8::10",
      "IDM.SockID.Dst": "2001:db8:1::2",
      "IDM.SockID.Cookie": "3E8",
      "IDM.Rqueue": "1",
    },
  ],
  [
    "IPv4 over an IPv6 socket, and a timer that ran below 0",
    line({}, {
      raw: "0a0102002383a9f400000000000000000000ffffc000028600000000000000000000ffffc633648100000000e803000000000000" +
        "70ffffff00000000000000000000000009000000",
    }),
    {
      "IDM.SockID.Src": "192.0.2.134",
      "IDM.SockID.Dst": "198.51.100.129",
      "IDM.SockID.SPort": "9091",
      "IDM.Expires": "4294967152",
    },
  ],
  [
    "an unspecified IPv6 address as such",
    line({}, { raw: `0a0a00000016${"00".repeat(66)}` }),
    { "IDM.SockID.Src": "::", "IDM.SockID.Dst": "::", "IDM.State": "10" },
  ],
  [
    "a cookie of 64 bits",
    line({}, { raw: `${V4.slice(0, 88)}ff000000000000ff${V4.slice(104)}` }),
    { "IDM.SockID.Cookie": "FF000000000000FF" },
  ],
  ["four bytes of a tcp_info, the rest as 0", line({ 2: "01020304" }), {
    "TCP.State": "1",
    "TCP.Probes": "4",
    "TCP.Backoff": "0",
    "TCP.RTO": "0",
    "TCP.PacingRate": "0",
    "TCP.SndWnd": "0",
    "MemInfo.Rmem": "",
  }],
  ["an attribute that is there and empty", line({ 1: "", 2: "", 4: "", 5: "", 15: "", 17: "" }), {
    Observed: String(0b10100000000011011),
    "TCP.State": "0",
    "MemInfo.Tmem": "0",
    CongestionAlgorithm: "",
    TOS: "0",
    Mark: "0",
    ClassID: "0",
  }],
  ["a tcp_info that is longer than known", line({ 2: `${INFO}00000000` }), {
    NotFullyParsed: "2",
    "TCP.SndWnd": "65536",
  }],
  [
    "attributes 1, 7 and 16 that are longer than known",
    line({ 1: "00".repeat(20), 7: "00".repeat(40), 16: "00".repeat(24) }),
    {
      NotFullyParsed: String(1 | 1 << 6 | 1 << 15),
    },
  ],
  ["what stands for attributes 18 to 22 as understood", line({ 18: "00", 19: "00", 20: "00", 21: "00", 22: "00" }), {
    Observed: String(0b11111 << 17),
    NotFullyParsed: "0",
  }],
  ["attributes that have no meaning yet", line({ 2: INFO, 23: "00", 32: "00", 33: "00", 38: "00" }), {
    Observed: String((1 << 1 | 1 << 22 | 1 << 31) >>> 0),
    NotFullyParsed: String((1 << 22 | 1 << 31) >>> 0),
  }],
  [
    "all that a root's socket with bbr has",
    line(Object.fromEntries([1, 2, 4, 5, 7, 8, 15, 16, 17, 21, 22].map((n) => [n, "00"]))),
    {
      Observed: "3260635",
    },
  ],
  ["an attribute whose number cannot be as none", line({ 5: "07", 300: "00" }), { TOS: "7", Observed: "16" }],
  ["a name with a comma in quotes", line({ 4: "61222c6200" }), { CongestionAlgorithm: '"a""' }],
];

for (const [what, text, want] of some) {
  Deno.test(`ArchiveCsv writes ${what}`, () => {
    const [row] = rows(text);
    const names = HEADER.split(","), values = row!.split(",");
    assert.deepEqual(Object.fromEntries(Object.keys(want).map((name) => [name, values[names.indexOf(name)]])), want);
  });
}

Deno.test("ArchiveCsv writes more columns on request", () => {
  const all = cells(line({ 2: INFO, 21: "ffffffffffffffff", 22: "5200" }), true);
  assert.deepEqual([all["TCP.SndWnd"], all["TCP.RcvWnd"], all["TCP.TotalRTO"], all["TCP.TotalRTOTime"]], [
    "65536",
    "64256",
    "1",
    "231",
  ]);
  assert.deepEqual([all["TCP.Word276"], all["CgroupID"], all["SockOpt"], all["SKV6Only"]], [
    "2",
    "18446744073709551615",
    "82",
    "",
  ]);
});

const times: [written: string, shown: string][] = [
  ["2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"],
  ["2024-02-29T23:59:59.000Z", "2024-02-29T23:59:59Z"],
  ["2024-02-29T23:59:59.120000000Z", "2024-02-29T23:59:59.12Z"],
  ["2019-08-26T19:55:42.754686952-04:00", "2019-08-26T19:55:42.754686952-04:00"],
  ["2024-02-29T23:59:59+00:00", "2024-02-29T23:59:59Z"],
  ["0001-01-01T00:00:00Z", "2009-05-29T23:59:59Z"],
];

for (const [written, shown] of times) {
  Deno.test(`ArchiveCsv writes the time ${written}`, () => {
    assert.equal(rows(line({}, { time: written }))[0]?.split(",")[0], shown);
  });
}

const refused: [what: string, line: string, why: RegExp][] = [
  ["half a line", line().slice(0, 100), /it is no JSON/],
  ["a list", "[]", /it is no record/],
  ["a record of nothing", "{}", /neither RawIDM nor Metadata/],
  ["a record of null", `{"RawIDM":null,"Metadata":null}`, /neither RawIDM nor Metadata/],
  ["a short RawIDM", line({}, { raw: V4.slice(0, 142) }), /its RawIDM has 71 of 72 bytes/],
  ["a RawIDM that is not base64", line().replace("AgEBAAG", "AgE*AAG"), /its RawIDM is not base64/],
  ["a RawIDM without padding", `{"RawIDM":"AgEBAAG"}`, /its RawIDM is not base64/],
  ["a RawIDM that is a number", `{"RawIDM":1}`, /its RawIDM is no text/],
  ["an attribute that is not base64", line({ 4: "00" }).replace("AA==", "A==="), /its attribute 4 is not base64/],
  ["an attribute that is a number", line({ 4: "00" }).replace(`"AA=="`, "5"), /its attribute 4 is no text/],
  ["an attribute that is too long for one", line({ 4: "00".repeat(65_532) }), /its attribute 4 is longer/],
  ["attributes that are no list", line().replace("[null]", "{}"), /its Attributes are no list/],
  ["a time that is none", line({}, { time: "yesterday" }), /its Timestamp is no RFC 3339 time/],
  ["a time that is a number", line().replace(/"2024[^"]*"/, "1709251199"), /its Timestamp is no RFC 3339 time/],
];

for (const [what, text, why] of refused) {
  Deno.test(`ArchiveCsv refuses ${what}, behind the rows that came before`, () => {
    const csv = new ArchiveCsv();
    const got: string[] = [];
    assert.throws(
      () => {
        for (const row of csv.rows(new TextEncoder().encode(`${NAMES}\n\n${text}\n${NAMES}\n`))) got.push(row);
      },
      (error) => error instanceof ArchiveLineError && error.line === 3 && why.test(error.message),
    );
    assert.equal(got.length, 1);
  });
}

Deno.test("ArchiveCsv passes over blank lines, and counts them", () => {
  const csv = new ArchiveCsv();
  assert.equal([...csv.rows(new TextEncoder().encode(`\n${NAMES}\n  \r\n${NAMES}\n\n`)), ...csv.end()].length, 2);
  assert.equal(csv.blankLines, 3);
});

Deno.test("ArchiveCsv takes a last line without a line feed, and text in pieces of any size", () => {
  const text = `${NAMES}\n${line({ 2: INFO })}\n${line({ 4: "637562696300" })}`;
  const bytes = new TextEncoder().encode(text), want = rows(text);
  assert.equal(want.length, 3);
  for (const size of [1, 7, 100]) {
    const csv = new ArchiveCsv();
    const got: string[] = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...csv.rows(bytes.subarray(at, at + size)));
    assert.deepEqual([...got, ...csv.end()], want);
  }
});

Deno.test("ArchiveCsv takes a line of 200 KB, and stops at one of more than 16 Mi characters", () => {
  assert.equal(rows(line().replace("{", `{"More":"${"x".repeat(200_000)}",`)).length, 1);
  const csv = new ArchiveCsv();
  assert.throws(() => {
    for (let i = 0; i < 20; i++) for (const _ of csv.rows(new Uint8Array(1024 * 1024).fill(0x20))) assert.fail();
  }, /^ArchiveLineError: Cannot read line 1: it is longer than 16777216 characters$/);
});

Deno.test("ArchiveCsv reads each record by itself: what one has does not show in the next", () => {
  const big = line({ 2: INFO, 4: "637562696300", 38: "00".repeat(5000) }), small = line();
  assert.deepEqual(rows(`${big}\n${small}\n${NAMES}\n${big}`), [big, small, NAMES, big].flatMap((one) => rows(one)));
});
