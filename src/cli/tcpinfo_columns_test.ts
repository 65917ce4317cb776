import assert from "node:assert/strict";
import { Refusal, SocketMessage, SocketValues } from "../tcpinfo/mod.ts";
import { size, tableLines, tableRow, TSV_HEADER, tsvLine } from "./tcpinfo_columns.ts";
import { endpoint, eventLine } from "./tcpinfo_events.ts";

const HEAD =
  "0201010001bbc822c000020a000000000000000000000000c6336417000000000000000000000000020000008877665544332211" +
  "cc00000000000000a8050000e803000040e20100";
const V6_HEAD =
  "0a08000020fb9c4020010db800000000000000000000001020010db800010000000000000000000200000000e803000000000000" +
  "000000000100000000000000000000004d000000";
/** A tcp_info with what the columns show: rtt 3500 us, 10 segments, 1 retransmitted, 102897 bytes out, 517 in. */
const INFO = (() => {
  const bytes = new Uint8Array(280), view = new DataView(bytes.buffer);
  for (
    const [at, value] of [[8, 204_000], [16, 1448], [24, 2], [68, 3500], [72, 750], [80, 10], [100, 1], [148, 3100]]
  ) {
    view.setUint32(at!, value!, true);
  }
  for (const [at, value] of [[120, 100_001], [128, 517], [160, 1_234_567], [200, 102_897], [208, 1448]]) {
    view.setBigUint64(at!, BigInt(value!), true);
  }
  return bytes.toHex();
})();

function read(hex: string): [SocketMessage, SocketValues] {
  const bytes = Uint8Array.fromHex(hex);
  const message = new SocketMessage(), values = new SocketValues("7.0");
  assert.equal(message.load(bytes, 0, bytes.length), Refusal.none);
  values.read(message);
  return [message, values];
}

const FULL = read(`${HEAD}1c010200${INFO}0a0004006375626963000000`);
const BARE = read(V6_HEAD);
const LISTEN = read(
  `020a000000160000${"00".repeat(32)}000000000100000000000000000000000000000080000000${"00".repeat(8)}`,
);

Deno.test("tsvLine() has a value under each name, and nothing where the kernel does not tell", () => {
  const cells = (line: string) =>
    Object.fromEntries(TSV_HEADER.split("\t").map((name, i) => [name, line.split("\t")[i]]));
  assert.deepEqual(cells(tsvLine(...FULL)), {
    state: "ESTABLISHED",
    family: "4",
    source: "192.0.2.10",
    source_port: "443",
    destination: "198.51.100.23",
    destination_port: "51234",
    interface: "2",
    cookie: "1122334455667788",
    uid: "1000",
    inode: "123456",
    timer: "1",
    expires_ms: "204",
    rqueue: "0",
    wqueue: "1448",
    congestion: "cubic",
    rtt_us: "3500",
    rttvar_us: "750",
    min_rtt_us: "3100",
    rto_us: "204000",
    snd_mss: "1448",
    snd_cwnd: "10",
    unacked: "2",
    retransmits: "1",
    bytes_sent: "102897",
    bytes_acked: "100001",
    bytes_received: "517",
    bytes_retrans: "1448",
    delivery_rate: "1234567",
    drops: "",
  });
  const bare = cells(tsvLine(...BARE));
  assert.deepEqual([bare.state, bare.family, bare.source, bare.rtt_us, bare.congestion], [
    "CLOSE_WAIT",
    "6",
    "2001:db8::10",
    "",
    "",
  ]);
});

Deno.test("tsvLine() keeps a name with a tab in its cell", () => {
  const [message, values] = read(`${HEAD}080004006109620a`);
  assert.equal(tsvLine(message, values).split("\t").length, TSV_HEADER.split("\t").length);
});

Deno.test("tableLines() aligns sockets under their heads", () => {
  assert.deepEqual(tableLines([FULL, BARE, LISTEN].map((one) => tableRow(...one))), [
    "STATE        RECV-Q  SEND-Q  LOCAL                REMOTE                    RTT  CWND  RETR  SENT  RECEIVED  CC",
    "ESTABLISHED       0    1448  192.0.2.10:443       198.51.100.23:51234    3.50ms    10     1  100K       517  cubic",
    "CLOSE_WAIT        1       0  [2001:db8::10]:8443  [2001:db8:1::2]:40000       -     -     -     -         -  -",
    "LISTEN            0     128  0.0.0.0:22           *                           -     -     -     -         -  -",
  ]);
  assert.deepEqual(tableLines([]), ["STATE  RECV-Q  SEND-Q  LOCAL  REMOTE  RTT  CWND  RETR  SENT  RECEIVED  CC"]);
});

const sizes: [bytes: number, text: string][] = [
  [0, "0"],
  [999, "999"],
  [1000, "0.98K"],
  [1536, "1.50K"],
  [102_897, "100K"],
  [1_048_576, "1.00M"],
  [15_728_640, "15.0M"],
  [2 ** 40, "1.00T"],
  [2 ** 50, "1.00P"],
  [5000 * 2 ** 50, "5000P"],
];
for (const [bytes, text] of sizes) Deno.test(`size() shows ${bytes} as ${text}`, () => assert.equal(size(bytes), text));

Deno.test("endpoint() brackets IPv6 addresses", () => {
  assert.equal(endpoint("192.0.2.10", 443), "192.0.2.10:443");
  assert.equal(endpoint("2001:db8::10", 443), "[2001:db8::10]:443");
});

Deno.test("eventLine() shows the ends of what opens, and why something closed", () => {
  const head = { timestamp: "2024-02-29T23:59:59.12Z", uuid: "host_1_00000000000003E8" };
  const id = {
    sourcePort: 443,
    destinationPort: 5,
    source: "192.0.2.10",
    destination: "::1",
    interfaceIndex: 0,
    cookie: 1n,
  };
  assert.equal(
    eventLine({ kind: "open", ...head, id }),
    "2024-02-29T23:59:59.12Z open  host_1_00000000000003E8 192.0.2.10:443 -> [::1]:5",
  );
  assert.equal(eventLine({ kind: "close", ...head }), "2024-02-29T23:59:59.12Z close host_1_00000000000003E8");
  assert.equal(
    eventLine({ kind: "close", ...head, reason: "destroyed" }),
    "2024-02-29T23:59:59.12Z close host_1_00000000000003E8 destroyed",
  );
});
