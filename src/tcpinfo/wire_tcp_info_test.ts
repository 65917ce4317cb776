import assert from "node:assert/strict";
import {
  readTcpInfo,
  TCP_INFO_BYTES,
  TCP_INFO_FIELDS,
  TCP_INFO_NAMES,
  TcpInfoIndex,
  type TcpInfoLayout,
  tcpInfoLayout,
  tcpInfoObject,
} from "./wire_tcp_info.ts";

/** Every byte differs from its neighbours. */
const bytes = Uint8Array.from({ length: 300 }, (_, i) => i * 7 + 1 & 255);
const view = new DataView(bytes.buffer);

/** Where the kernel has its fields: offset and width; the bit fields are tested apart. */
const FIELDS: [offset: number, width: number, name: keyof typeof TcpInfoIndex][] = [
  [0, 1, "state"],
  [1, 1, "ca_state"],
  [2, 1, "retransmits"],
  [3, 1, "probes"],
  [4, 1, "backoff"],
  [5, 1, "options"],
  [8, 4, "rto"],
  [12, 4, "ato"],
  [16, 4, "snd_mss"],
  [20, 4, "rcv_mss"],
  [24, 4, "unacked"],
  [28, 4, "sacked"],
  [32, 4, "lost"],
  [36, 4, "retrans"],
  [40, 4, "fackets"],
  [44, 4, "last_data_sent"],
  [48, 4, "last_ack_sent"],
  [52, 4, "last_data_recv"],
  [56, 4, "last_ack_recv"],
  [60, 4, "pmtu"],
  [64, 4, "rcv_ssthresh"],
  [68, 4, "rtt"],
  [72, 4, "rttvar"],
  [76, 4, "snd_ssthresh"],
  [80, 4, "snd_cwnd"],
  [84, 4, "advmss"],
  [88, 4, "reordering"],
  [92, 4, "rcv_rtt"],
  [96, 4, "rcv_space"],
  [100, 4, "total_retrans"],
  [104, 8, "pacing_rate"],
  [112, 8, "max_pacing_rate"],
  [120, 8, "bytes_acked"],
  [128, 8, "bytes_received"],
  [136, 4, "segs_out"],
  [140, 4, "segs_in"],
  [144, 4, "notsent_bytes"],
  [148, 4, "min_rtt"],
  [152, 4, "data_segs_in"],
  [156, 4, "data_segs_out"],
  [160, 8, "delivery_rate"],
  [168, 8, "busy_time"],
  [176, 8, "rwnd_limited"],
  [184, 8, "sndbuf_limited"],
  [192, 4, "delivered"],
  [196, 4, "delivered_ce"],
  [200, 8, "bytes_sent"],
  [208, 8, "bytes_retrans"],
  [216, 4, "dsack_dups"],
  [220, 4, "reord_seen"],
  [224, 4, "rcv_ooopack"],
  [228, 4, "snd_wnd"],
  [232, 4, "rcv_wnd"],
  [236, 4, "rehash"],
  [240, 2, "total_rto"],
  [242, 2, "total_rto_recoveries"],
  [244, 4, "total_rto_time"],
  [248, 4, "received_ce"],
  [252, 4, "delivered_e1_bytes"],
  [256, 4, "delivered_e0_bytes"],
  [260, 4, "delivered_ce_bytes"],
  [264, 4, "received_e1_bytes"],
  [268, 4, "received_e0_bytes"],
  [272, 4, "received_ce_bytes"],
];
const BITS = ["snd_wscale", "rcv_wscale", "delivery_rate_app_limited", "fastopen_client_fail"];
const LAST = ["ecn_mode", "accecn_opt_seen", "accecn_fail_mode", "options2"];

function exact(offset: number, width: number): bigint {
  let value = 0n;
  for (let i = width - 1; i >= 0; i--) value = value << 8n | BigInt(bytes[offset + i]!);
  return value;
}

function read(length: number, layout: TcpInfoLayout = "7.0"): Float64Array {
  const out = new Float64Array(TCP_INFO_FIELDS).fill(-1);
  readTcpInfo(view, 0, length, layout, out);
  return out;
}

Deno.test("TcpInfoIndex names each field once, in order", () => {
  assert.equal(TCP_INFO_NAMES.length, TCP_INFO_FIELDS);
  assert.deepEqual(Object.values(TcpInfoIndex), Array.from({ length: TCP_INFO_FIELDS }, (_, i) => i));
  assert.deepEqual([...FIELDS.map(([, , name]) => name), ...BITS, ...LAST].sort(), [...TCP_INFO_NAMES].sort());
});

for (const length of [...Array.from({ length: 300 }, (_, i) => i)]) {
  if (length % 4 > 1 && length > 16 && length < 230) continue; // every length near a boundary of 4 bytes
  Deno.test(`readTcpInfo() of ${length} bytes has the fields that lie wholly inside`, () => {
    const values = read(length);
    const object = tcpInfoObject(view, 0, length, "7.0");
    for (const [offset, width, name] of FIELDS) {
      const isThere = offset + width <= length;
      assert.equal(values[TcpInfoIndex[name]], isThere ? Number(exact(offset, width)) : NaN, name);
      const value = object[name];
      assert.equal(value === undefined ? undefined : BigInt(value), isThere ? exact(offset, width) : undefined, name);
    }
    for (const name of BITS) assert.equal(name in object, length > (name.endsWith("scale") ? 6 : 7), name);
    for (const name of LAST) assert.equal(name in object, length >= TCP_INFO_BYTES, name);
  });
}

Deno.test("readTcpInfo() splits bytes 6 and 7 into their bits", () => {
  bytes[6] = 0xa7;
  bytes[7] = 0x05;
  const values = read(8);
  assert.deepEqual([values[TcpInfoIndex.snd_wscale], values[TcpInfoIndex.rcv_wscale]], [7, 10]);
  assert.equal(values[TcpInfoIndex.delivery_rate_app_limited], 1);
  assert.equal(values[TcpInfoIndex.fastopen_client_fail], 2);
});

Deno.test("readTcpInfo() reads the last four bytes by the layout of the kernel", () => {
  bytes.set([0b1011_01_10, 3, 2, 1], 276);
  const last = (values: Float64Array) => LAST.map((name) => values[TcpInfoIndex[name as keyof typeof TcpInfoIndex]]);
  assert.deepEqual(last(read(280, "7.0")), [2, 1, 11, 0x010203]);
  assert.deepEqual(last(read(280, "6.18")), [NaN, 0x0102, 0x03b6, NaN]);
  assert.deepEqual(last(read(279, "6.18")), [NaN, NaN, 0x03b6, NaN]);
  assert.deepEqual(last(read(279, "7.0")), [NaN, NaN, NaN, NaN]);
  const object = tcpInfoObject(view, 0, 280, "6.18");
  assert.deepEqual(LAST.map((name) => object[name]), [undefined, 0x0102, 0x03b6, undefined]);
});

Deno.test("readTcpInfo() keeps nothing of the tcp_info before", () => {
  const out = new Float64Array(TCP_INFO_FIELDS);
  readTcpInfo(view, 0, 280, "7.0", out);
  readTcpInfo(view, 0, 280, "6.18", out);
  assert.ok(Number.isNaN(out[TcpInfoIndex.options2]));
  readTcpInfo(view, 0, 0, "7.0", out);
  assert.ok(out.every(Number.isNaN));
});

Deno.test("readTcpInfo() shows an unlimited rate as 2^64, tcpInfoObject() exactly", () => {
  const info = new Uint8Array(120).fill(255, 104);
  const infoView = new DataView(info.buffer);
  const out = new Float64Array(TCP_INFO_FIELDS);
  readTcpInfo(infoView, 0, 120, "7.0", out);
  assert.equal(out[TcpInfoIndex.max_pacing_rate], 2 ** 64);
  assert.equal(tcpInfoObject(infoView, 0, 120, "7.0")["max_pacing_rate"], 0xffff_ffff_ffff_ffffn);
});

const releases: [string, TcpInfoLayout | undefined][] = [
  ["6.18.44-generic", "6.18"],
  ["6.19", "6.18"],
  ["7.0.0", "7.0"],
  ["10.2.1", "7.0"],
  ["6.17.9", undefined],
  ["5.1.0", undefined],
  ["", undefined],
  ["unknown", undefined],
];
for (const [release, layout] of releases) {
  Deno.test(`tcpInfoLayout(${JSON.stringify(release)}) is ${layout}`, () =>
    assert.equal(tcpInfoLayout(release), layout));
}
