/** Messages built by hand: what a kernel of today does not send, or not here, and what is wrong. */
import { fromHex, toHex } from "../../src/bytes/mod.ts";

/** A case without its golden. */
export interface BuiltCase {
  readonly name: string;
  readonly why: string;
  readonly suffix: ".hex" | ".bin";
  readonly input: Uint8Array<ArrayBuffer> | string;
  readonly set: Readonly<Record<string, string>>;
}

/** AF_INET, ESTABLISHED, 192.0.2.10:443 to 198.51.100.23:51234. */
const V4 = "0201010001bbc822c000020a000000000000000000000000c6336417000000000000000000000000020000008877665544332211" +
  "cc00000000000000a8050000e803000040e20100";
/** AF_INET6, CLOSE_WAIT, [2001:db8::10]:8443 to [2001:db8:1::2]:40000. */
const V6 = "0a08000020fb9c4020010db800000000000000000000001020010db800010000000000000000000200000000e8030000000000" +
  "00000000000100000000000000000000004d000000";
/** An AF_INET6 socket that speaks IPv4; its timer ran below 0. */
const MAPPED = "0a0102002383a9f400000000000000000000ffffc000028600000000000000000000ffffc633648100000000e803000000" +
  "00000070ffffff00000000000000000000000009000000";
/** LISTEN on 0.0.0.0:22. */
const LISTEN = `020a000000160000${"00".repeat(32)}00000000010000000000000000000000000000008000000000000000d5000000`;
/** A FIN_WAIT2 mini-socket. */
const MINI = "020503009c411389c000020a000000000000000000000000c63364170000000000000000000000000000000050b106000000" +
  "0000d8de000000000000000000000000000000000000";
/** A tcp_info of 280 bytes, every field of which that can be is not 0. */
const INFO = "010000000007a701e01c0300409c0000a80500001802000002000000000000000000000000000000000000000c0000000000" +
  "00000800000008000000dc05000058fa0000ac0d0000ee020000ffffff7f0a000000a80500000300000000000000083900000000" +
  "0000b681970000000000ffffffffffffffffa18601000000000005020000000000004b00000028000000000000001c0c00000200" +
  "00004800000087d612000000000090d0030000000000000000000000000000000000000000004800000000000000f19101000000" +
  "000000000000000000000000000000000000000000000000010000fb00000000000001000100e700000000000000000000000000" +
  "00000000000000000000000000000000000002000000";
const SHUTDOWN = "0500080000000000", TOS = "0500050010000000", CUBIC = "0a0004006375626963000000";
const BASIC = SHUTDOWN + TOS + CUBIC;

function le(value: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, i) => (value >>> 8 * i & 255).toString(16).padStart(2, "0")).join("");
}

/** A message around a payload in hex. */
function message(payload: string, { type = 20, flags = 2, sequence = 1, portId = 4321 } = {}): string {
  return le(16 + payload.length / 2, 4) + le(type, 2) + le(flags, 2) + le(sequence, 4) + le(portId, 4) + payload;
}

/** An attribute with its padding. */
function attribute(number: number, value: string): string {
  return le(4 + value.length / 2, 2) + le(number, 2) + value + "00".repeat(-value.length / 2 & 3);
}

/** V4 with other bytes from `at` on. */
function v4With(at: number, hex: string): string {
  return V4.slice(0, 2 * at) + hex + V4.slice(2 * at + hex.length);
}

const DONE = message("00000000", { type: 3 });
const NESTED = 0x8000;
const BYTES_280 = Array.from({ length: 280 }, (_, i) => (i * 7 + 1 & 255).toString(16).padStart(2, "0")).join("");
const info = (bytes: number) => attribute(2, INFO.slice(0, 2 * bytes));

type Row = readonly [name: string, why: string, hex: string];

/** Each the payload of one message. */
const SOCKETS: readonly Row[] = [
  ["message_v4", "an AF_INET socket with three attributes", V4 + BASIC],
  ["message_v4_bare", "a socket without any attribute", V4],
  ["message_v6", "an AF_INET6 socket", V6],
  ["message_mapped", "an AF_INET6 socket that speaks IPv4; expires beyond 2^31", MAPPED],
  ["message_listen", "a listener: no remote end", LISTEN],
  ["message_short", "71 bytes of an inet_diag_msg", V4.slice(0, -2)],
  ["message_empty", "no payload at all", ""],
  ["message_large_cookie", "a cookie beyond 2^63", v4With(44, "ff000000000000ff")],
  ["message_zero_cookie", "a cookie of 0, which no socket has", v4With(44, "0000000000000000")],
  ["message_family_30", "a family without TCP: addresses as hex", v4With(0, "1e")],
  ["message_state_0", "state 0", v4With(1, "00")],
  ["message_state_12", "a state that is internal to the kernel", v4With(1, "0c")],
  ["message_state_255", "a state that is none", v4With(1, "ff")],
  ["message_netblock_v4", "addresses cut to /24", V4.replace("c000020a", "c0000200").replace("c6336417", "c6336400")],
  [
    "message_netblock_v6",
    "addresses cut to /48",
    `0a08000020fb9c4020010db80000${"00".repeat(10)}20010db80001` +
    `${"00".repeat(10)}${V6.slice(80)}`,
  ],
  [
    "message_netblock_mapped",
    "mapped addresses cut to /24",
    MAPPED.replace("c0000286", "c0000200").replace("c6336481", "c6336400"),
  ],
  [
    "message_v6_unspecified",
    "an AF_INET6 address of zeros is ::, not 0.0.0.0",
    `0a0a000020fb0000${"00".repeat(32)}${V6.slice(80)}`,
  ],
  [
    "message_v6_zero_tail",
    "2001:db8:: ends in twelve zero bytes and is no IPv4 address",
    `0a08000020fb9c4020010db8${"00".repeat(12)}fe80${"00".repeat(13)}01${V6.slice(80)}`,
  ],
  ["message_highest_values", "every integer has all bits set", `0201${"ff".repeat(70)}`],
  ["message_mini", "a mini-socket with a mark", MINI + attribute(15, "00000000")],
  [
    "attribute_last_unpadded",
    "the last attribute lacks its padding",
    `${V4}050008000200000008000400626272000500050000`,
  ],
  ["attribute_too_long", "an attribute longer than what is left", `${V4}05000800000000001400020001020304`],
  ["attribute_too_short", "an attribute shorter than its header", `${V4}05000800000000000300050000000000`],
  ["attribute_length_0", "an attribute of length 0, by which no reader gets on", `${V4}${TOS}0000050000000000`],
  ["attribute_trailing_bytes", "three bytes behind the last attribute", `${V4}0500080003000000aabbcc`],
  ["attribute_twice", "an attribute that is there twice: the last one counts", `${V4}05000500010000000500050002000000`],
  [
    "attribute_unknown",
    "numbers 38 and 40: the one is kept, the other dropped",
    `${V4}050008000000000008002800010000000800260002000000`,
  ],
  [
    "attribute_unknown_32",
    "numbers from 23 to 37",
    V4 + [23, 31, 32, 33, 37].map((n) => attribute(n, le(n, 4))).join(""),
  ],
  ["attribute_number_0", "number 0, which no kernel sends", V4 + attribute(0, "0102")],
  [
    "attribute_bpf_storage",
    "the storage of a BPF map, in a nest",
    `${V4}1800148014000180080002000700000008000300deadbeef`,
  ],
  [
    "attribute_bpf_storages",
    "two storages, one with padding before its value",
    V4 +
    attribute(
      20 | NESTED,
      attribute(1 | NESTED, attribute(2, le(1, 4)) + attribute(1, "") + attribute(3, "0011223344556677")) +
        attribute(1 | NESTED, attribute(2, le(2, 4)) + attribute(3, "ff")),
    ),
  ],
  [
    "attribute_pad_vegas",
    "padding, and the data of a Vegas connection",
    `${V4}04000e00140003000100000005000000e02e000028230000`,
  ],
  [
    "attribute_group",
    "class, control group and socket options",
    `${V4}08001100050000000c00150001000000000000000600160052000000`,
  ],
  [
    "attribute_group_large",
    "a control group beyond 2^53",
    V4 + attribute(21, "ffffffffffffffff") + attribute(17, "010000ff"),
  ],
  [
    "attribute_bbr",
    "the data of a bbr connection faster than 2^32 bytes a second",
    `${V4}1800100000d007010100000008000000e3020000e3020000`,
  ],
  [
    "attribute_bbr_long",
    "a bbr of its own with more data than the kernel's",
    V4 + attribute(16, `00d007010100000008000000e3020000e302000001020304aabbccdd`),
  ],
  ["attribute_dctcp", "the data of a dctcp connection", `${V4}1400090001000000000400000a000000d0070000`],
  [
    "attribute_md5",
    "a TCP-MD5 key, which is shown nowhere",
    `${V4}6800120002200600c6336417${"00".repeat(12)}736563726574${"00".repeat(74)}`,
  ],
  ["attribute_md5_cut", "half a TCP-MD5 entry", V4 + attribute(18, `02200600c6336417${"00".repeat(12)}736563726574`)],
  [
    "attribute_tls",
    "a connection under kernel TLS",
    `${V4}3000130008000100746c7300240002000600010004030000060002003300000006000300020000000600040002000000`,
  ],
  [
    "attribute_tls_flags",
    "kernel TLS with the flags of newer kernels",
    V4 +
    attribute(
      19 | NESTED,
      attribute(1, "746c7300") +
        attribute(
          2 | NESTED,
          attribute(1, "0303") + attribute(2, "3400") + attribute(3, "0300") + attribute(4, "0100") + attribute(5, "") +
            attribute(6, "") + attribute(7, "0040") + attribute(9, "01"),
        ),
    ),
  ],
  [
    "attribute_mptcp",
    "a subflow of a multipath connection",
    V4 +
    attribute(
      19 | NESTED,
      "0a0001006d70746370000000580003000800010000000000080002003dad52db080008008300000005000900" +
        "0000000005000a000000000008000300010000000c0004005ddb74a23f6149b60800050001000000080006000eb02b490600070000000000",
    ),
  ],
  [
    "attribute_nest_malformed",
    "a nest whose inner length cannot be: shown as bytes",
    V4 + attribute(19 | NESTED, "40000100746c7300") + TOS,
  ],
  [
    "attribute_nest_inner_malformed",
    "a nest in a nest that cannot be read: only that one is bytes",
    V4 + attribute(19 | NESTED, attribute(1, "746c7300") + attribute(2 | NESTED, "03000100")),
  ],
  [
    "attribute_addresses",
    "local and remote addresses of a multi-homed socket",
    V4 +
    attribute(
      12,
      `020001bbc000020a${"00".repeat(120)}0a0020fb0000000120010db8${"00".repeat(11)}1003000000${"00".repeat(100)}`,
    ) +
    attribute(13, `0200c822c6336417${"00".repeat(120)}1e000102${"00".repeat(124)}`),
  ],
  ["attribute_network_order", "the bit of network order is no part of the number", V4 + attribute(0x4000 | 5, "22")],
  [
    "attribute_empty_values",
    "attributes without a value",
    V4 + [1, 2, 3, 4, 5, 7, 9, 15, 16, 17, 18, 19, 21, 22].map((n) => attribute(n, "")).join(""),
  ],
  [
    "attribute_short_values",
    "values of one to three bytes where four belong",
    V4 + attribute(1, "0102") + attribute(15, "010203") + attribute(17, "01") +
    attribute(21, "0102030405060708".slice(2)) +
    attribute(9, "0100") + attribute(22, "52"),
  ],
  [
    "attribute_long_values",
    "structures longer than they are known to be",
    V4 + attribute(1, `${"01000000".repeat(4)}aabb`) + attribute(7, `${"02000000".repeat(9)}cc`) +
    attribute(3, `${"03000000".repeat(4)}dddddddd`) + attribute(22, "010203"),
  ],
  ["attribute_skmeminfo_32", "SKMEMINFO of kernels before 4.7, without drops", V4 + attribute(7, "05000000".repeat(8))],
  [
    "attribute_meminfo",
    "both kinds of memory figures",
    V4 + attribute(1, "00000000000a0000001000000006ffff") +
    attribute(7, [0, 131072, 0, 2626560, 4096, 0, 0, 0, 7].map((n) => le(n, 4)).join("")),
  ],
  ["attribute_cong_16", "a congestion control whose name fills its 16 bytes", V4 + attribute(4, "61".repeat(16))],
  ["attribute_cong_not_utf8", "a name that is not UTF-8", V4 + attribute(4, "ff6100")],
  [
    "attribute_order",
    "the order of the attributes of a kernel as root",
    V4 + SHUTDOWN + TOS + attribute(15, le(0, 4)) + attribute(17, le(0, 4)) + attribute(21, le(1, 4) + le(0, 4)) +
    attribute(22, "5200") + attribute(1, le(0, 4).repeat(4)) + attribute(7, le(0, 4).repeat(9)) + info(280) +
    attribute(4, "62627200") + attribute(16, le(1, 4).repeat(5)),
  ],
  ["tcp_info_280", "every field, the last four bytes as Linux 7.0 has them unless told otherwise", V4 + info(280)],
  ["tcp_info_4", "four bytes of a tcp_info", `${V4}0800020001000000`],
  [
    "tcp_info_long",
    "a tcp_info of a kernel to come: what is known, and the rest",
    V4 + attribute(2, `${BYTES_280}0102030405`),
  ],
  ["tcp_info_patterned", "a different value in every field", V4 + attribute(2, BYTES_280)],
  ...[0, 1, 6, 7, 8, 11, 104, 107, 120, 136, 144, 160, 168, 192, 200, 224, 232, 236, 240, 242, 248, 276, 279].map((
    bytes,
  ): Row => [
    `tcp_info_${bytes}_bytes`,
    `the first ${bytes} bytes of a tcp_info: a field is there if all of it is`,
    V4 + attribute(2, BYTES_280.slice(0, 2 * bytes)),
  ]),
  [
    "notification",
    "a destroyed socket, as the kernel tells it",
    `02070000${V4.slice(8, 104)}${"00".repeat(20)}${attribute(10, "06")}${info(280)}`,
  ],
];

/** Lines of hex, a datagram each. */
const DATAGRAMS: readonly Row[] = [
  ["stream_socket_done", "a socket and the end in one datagram", message(V4 + BASIC) + DONE],
  ["stream_done_error", "the dump failed: its end says ENOENT", message("feffffff", { type: 3 })],
  [
    "stream_done_interrupted",
    "the end says that the dump was interrupted",
    message("00000000", { type: 3, flags: 0x12 }),
  ],
  [
    "stream_interrupted_earlier",
    "a message before the end was flagged; the next dump was not",
    `${message(V4, { flags: 0x12 })}\n${DONE}\n${message(V6, { sequence: 2 })}\n${
      message("00000000", { type: 3, sequence: 2 })
    }`,
  ],
  ["stream_done_without_status", "an end that does not say how", message("", { type: 3 })],
  ["stream_done_positive", "a status above 0 is no error", message("05000000", { type: 3 })],
  [
    "stream_error",
    "the request was refused; it is echoed",
    message(`eaffffff480000001400010301000000000000004d06ff00370f0000${"00".repeat(48)}`, { type: 2, flags: 0 }),
  ],
  ["stream_error_unknown", "an errno without a name", message("60f0ffff", { type: 2, flags: 0 })],
  ["stream_error_short", "an error of three bytes", message("eaffff", { type: 2, flags: 0 })],
  [
    "stream_ack",
    "an acknowledgement with a capped echo",
    message("0000000048000000140001030100000000000000", { type: 2, flags: 0x100 }),
  ],
  [
    "stream_noop_overrun",
    "nothing, then lost messages, then a socket",
    message("", { type: 1 }) + message("", { type: 4 }) + message(V4),
  ],
  [
    "stream_wrong_type",
    "a message of another kind does not end the datagram",
    message("00000000", { type: 21 }) + message(V4),
  ],
  ["stream_request", "a request is no socket", "480000001400010301000000000000000206ff00370f0000" + "00".repeat(48)],
  [
    "stream_length_8",
    "a length below that of a header: the rest of the datagram cannot be read",
    `08${message(V4).slice(2)}${DONE}`,
  ],
  ["stream_length_524293", "a reader that stepped wrongly would take this for a message", `05000800${message(V4)}`],
  ["stream_cut", "the first 100 bytes of a message", message(V4 + BASIC).slice(0, 200)],
  ["stream_cut_header", "15 bytes of a header", DONE.slice(0, 30)],
  [
    "stream_bad_socket_between",
    "a message that cannot be read costs only itself",
    message(`${V4}0300050000000000`) + message(V6) + DONE,
  ],
  [
    "stream_padding",
    "messages of 93 and 94 bytes, each aligned to four",
    `${message(`${V4}0500050001`)}000000${message(`${V4}060016000100`)}0000${DONE}`,
  ],
  [
    "stream_lines",
    "state and counting go on from line to line; a line that is no hex costs only itself",
    `${message(V4)}\nzz\n\n${message("", { type: 30 })}\n${message(V6)} ${DONE}`,
  ],
];

/** Raw streams, as a file of messages has them. */
const STREAMS: readonly Row[] = [
  ["raw_dump", "two sockets and the end, aligned", message(V4 + BASIC) + message(V6) + DONE],
  [
    "raw_unaligned",
    "messages of 93 bytes without anything between them",
    message(`${V4}0500050001`) + message(`${V4}0500050002`) + DONE,
  ],
  ["raw_padded", "the same, aligned", `${message(`${V4}0500050001`)}000000${message(`${V4}0500050002`)}000000${DONE}`],
  ["raw_padded_end", "three zero bytes at the end", `${message(`${V4}0500050001`)}000000`],
  [
    "raw_zero_length_byte",
    "a length whose first byte is 0, behind a message that would need padding",
    message(`${V4}0500050001`) + message(V4 + attribute(38, "00".repeat(0x100 - 16 - 72 - 4))) + DONE,
  ],
  ["raw_garbage", "bytes that are no messages", "474554202f20485454502f312e310d0a486f73743a20780d0a0d0a"],
  [
    "raw_rejected_between",
    "errors are numbered by message",
    message(V4.slice(0, 100)) + message(V4) + message(`${V4}0100`) + message("", { type: 99 }),
  ],
  ["raw_empty_lines", "line feeds are no messages", "0a0a0a"],
];

/** All of them, in their order. */
export function builtCases(): BuiltCase[] {
  const cases: BuiltCase[] = [];
  const hex = (name: string, why: string, text: string, set = {}) =>
    cases.push({ name, why, suffix: ".hex", input: `${text}\n`, set });
  for (const [name, why, payload] of SOCKETS) {
    hex(name, why, message(payload, name === "notification" ? { flags: 0, sequence: 0, portId: 0 } : {}));
  }
  hex("tcp_info_280_on_6.18", "the same on Linux 6.18, whose last four bytes are two fields", message(V4 + info(280)), {
    kernel_release: "6.18.44",
  });
  hex("tcp_info_279_on_6.18", "one of the two fields is whole", message(V4 + attribute(2, BYTES_280.slice(0, -2))), {
    kernel_release: "6.18.44",
  });
  for (const [name, why, text] of DATAGRAMS) hex(name, why, text);
  for (const [name, why, text] of STREAMS) {
    const input = fromHex(text);
    if (input === null || toHex(input) !== text) throw new RangeError(`Cannot build ${name}: its hex is wrong`);
    cases.push({ name, why, suffix: ".bin", input, set: {} });
  }
  return cases;
}
