/** Scenarios of the tcpinfo source, by name. */
import {
  attributeHex,
  destroyed,
  DONE,
  dump,
  FAILED,
  INTERRUPTED,
  type MadeSocket,
  messageHex,
  PLAIN,
  REFUSED,
  socketHex,
} from "./sockets.ts";

/** One of them. */
export interface Scenario {
  readonly why: string;
  readonly config: object;
  readonly events: readonly object[];
}

const PREFIX = { uuid_prefix: "host_1700000000" };

/** A configuration with these keys of the section. */
function configOf(keys: object = {}, archive: object = {}): object {
  return { tcpinfo: { archive: { ...PREFIX, ...archive }, ...keys } };
}

const at = (time: string) => Date.parse(`2024-${time}Z`) / 1000;
const T = at("02-29T23:55:00.000");

/** Polls a second apart, each of these sockets. */
function polls(...all: readonly (readonly MadeSocket[])[]): object[] {
  return all.map((sockets, i) => ({ at: T + i, poll: dump(...sockets) }));
}

const A: MadeSocket = { ...PLAIN, cookie: 0xan };
const B: MadeSocket = { ...PLAIN, cookie: 0xbn, destinationPort: 51_235 };
const V6: MadeSocket = {
  ...PLAIN,
  family: 10,
  source: "2001:db8::10",
  destination: "2001:db8:1::2",
  sourcePort: 8443,
  cookie: 1000n,
};
const MAPPED: MadeSocket = {
  ...PLAIN,
  family: 10,
  source: "::ffff:c000:286",
  destination: "::ffff:c633:6481",
  cookie: 1001n,
};
const MINI: MadeSocket = { state: 5, timer: 3, uid: 0, inode: 0, infoBytes: 0 };
const LISTEN: MadeSocket = {
  state: 10,
  source: "0.0.0.0",
  destination: "0.0.0.0",
  sourcePort: 22,
  destinationPort: 0,
  cookie: 1n,
};
const FLUSH = { at: T + 100, do: "flush" };
const STOP = { at: T + 100, do: "stop" };

/** A pair of polls whose second differs from the first in something. */
function change(why: string, second: MadeSocket, first: MadeSocket = PLAIN): Scenario {
  return { why, config: configOf(), events: polls([first], [second]) };
}

const without = (number: number) =>
  Object.fromEntries(
    Object.entries(PLAIN.attributes!).filter(([key]) => key !== String(number)),
  );

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  open_and_stop: {
    why: "a connection opens, begins a file with its first record, and closes at a stop",
    config: configOf(),
    events: [...polls([PLAIN]), STOP],
  },
  two_connections: {
    why: "connections that lie beside each other in a dump open in its order, those of AF_INET before the others",
    config: configOf(),
    events: [...polls([V6, A, B]), STOP],
  },
  cookie_beyond_53_bits: {
    why: "a cookie of 64 bits is exact in name and records",
    config: configOf(),
    events: polls([{ ...PLAIN, cookie: 0xff000000000000ffn }]),
  },
  absent_three_times: {
    why:
      "one absence is no close: a connection that reappears goes on, one that is absent three times in a row has closed",
    config: configOf(),
    events: [...polls([A, B], [B], [A, B], [B], [B], [B], [B]), FLUSH],
  },
  absent_then_asked: {
    why:
      "the kernel is asked about a connection that a dump lacks: one that it finds goes on, one that it does not know closes",
    config: configOf(),
    events: [
      { at: T, poll: dump(A, B) },
      { at: T + 1, poll: dump(B), lookup: { "000000000000000a": messageHex(socketHex(A), 20, 0) } },
      { at: T + 2, poll: dump(A, B) },
      { at: T + 3, poll: dump(B), lookup: { "000000000000000A": "gone" } },
    ],
  },
  absent_then_time_wait: {
    why: "a connection that the kernel finds in TIME_WAIT is gone",
    config: configOf(),
    events: [
      { at: T, poll: dump(A) },
      { at: T + 1, poll: dump(), lookup: { "000000000000000a": messageHex(socketHex({ ...A, state: 6 }), 20, 0) } },
    ],
  },
  failed_dump_judges_nothing: {
    why: "a dump that ends with an error says nothing of connections: absences are counted from the next one on",
    config: configOf(),
    events: [
      ...polls([A, B], [B], [A, B]),
      { at: T + 3, poll: [messageHex(socketHex(B)), FAILED] },
      { at: T + 4, poll: dump(B) },
      { at: T + 5, poll: dump(B) },
      { at: T + 6, poll: dump(B) },
    ],
  },
  refused_dump: {
    why: "a dump that the kernel refuses closes nothing",
    config: configOf(),
    events: [...polls([A]), ...[1, 2, 3, 4].map((i) => ({ at: T + i, poll: [REFUSED] })), FLUSH],
  },
  truncated_dump: {
    why: "a dump with a message whose length cannot be gives nothing, and closes nothing",
    config: configOf(),
    events: [
      ...polls([A]),
      ...[1, 2, 3].map((i) => ({ at: T + i, poll: [messageHex(socketHex(B)).slice(0, 150)] })),
      { at: T + 4, poll: dump(A) },
    ],
  },
  interrupted_dump: {
    why: "a dump that changed while it was made is taken in and judges nothing",
    config: configOf(),
    events: [
      ...polls([A]),
      ...[1, 2, 3].map((i) => ({ at: T + i, poll: [messageHex(socketHex(B)), INTERRUPTED] })),
      FLUSH,
    ],
  },
  families_apart: {
    why: "a dump of one address family says nothing of the connections of the other",
    config: configOf(),
    events: [
      { at: T, poll: dump(A, V6) },
      ...[1, 2, 3].map((i) => ({ at: T + i, poll: dump(V6), family: "AF_INET6" })),
      ...[4, 5, 6].map((i) => ({ at: T + i, poll: dump(V6), family: "AF_INET" })),
    ],
  },
  duplicate_in_a_dump: {
    why: "a connection that a dump has twice is one connection, with one record",
    config: configOf(),
    events: [...polls([A, A]), FLUSH],
  },
  duplicate_that_differs: {
    why: "the second sighting of a dump is compared with the first",
    config: configOf(),
    events: [...polls([A, { ...A, state: 8 }]), FLUSH],
  },
  zero_cookie: {
    why: "a socket without a cookie can't be told from others and is not followed",
    config: configOf(),
    events: [...polls([{ ...PLAIN, cookie: 0n }, A], [{ ...PLAIN, cookie: 0n }]), FLUSH],
  },
  short_message: {
    why: "a message too short for its structure costs only itself",
    config: configOf(),
    events: [{ at: T, poll: [messageHex(socketHex(A).slice(0, 142)), messageHex(socketHex(B)), DONE] }, FLUSH],
  },
  malformed_attribute: {
    why: "a message with an attribute longer than itself is refused, the rest of the dump goes on",
    config: configOf(),
    events: [
      {
        at: T,
        poll: [messageHex(socketHex({ ...A, infoBytes: 0 }) + "1400020001020304"), messageHex(socketHex(B)), DONE],
      },
      FLUSH,
    ],
  },
  max_connections: {
    why: "connections beyond the bound are counted and left out, and followed once there is room",
    config: configOf({ max_connections: 1 }),
    events: [...polls([A, B], [B], [B], [B], [B]), FLUSH],
  },

  change_none: change("a record equal to the one before is not written", PLAIN),
  change_state: change("IDiagStateChange: the state differs", { ...PLAIN, state: 8 }),
  change_ignored_fields: change("expires, queues, timer, uid and inode are not compared", {
    ...PLAIN,
    expires: 204,
    wqueue: 1448,
    timer: 1,
    uid: 0,
    inode: 7,
  }),
  change_counter: change("StateOrCounterChange: a counter of tcp_info differs", { ...PLAIN, info: { 167: 1 } }),
  change_first_part: change("StateOrCounterChange: tcp_info before the times differs", { ...PLAIN, info: { 43: 1 } }),
  change_times: change("how long ago something was is not compared", {
    ...PLAIN,
    info: { 44: 9, 48: 9, 52: 9, 59: 9 },
  }),
  change_behind_168: change("what stands behind delivery_rate is not compared, bytes_sent alone writes nothing", {
    ...PLAIN,
    sent: 500,
    info: { 168: 1, 240: 1 },
  }),
  change_new_attribute: change("NewAttribute: the last attribute is new", {
    ...PLAIN,
    attributes: { ...PLAIN.attributes, 15: "00000000" },
  }),
  change_new_attribute_between: change("NewAttribute: one between others is new", {
    ...PLAIN,
    attributes: { ...PLAIN.attributes, 6: "00" },
  }),
  change_lost_attribute: change("LostAttribute: one between others is gone", { ...PLAIN, attributes: without(5) }),
  change_lost_last_attribute: change("LostAttribute: the last one is gone", { ...PLAIN, attributes: without(8) }),
  change_attribute_length: change("AttributeLength: a value is longer or shorter", {
    ...PLAIN,
    attributes: { ...PLAIN.attributes, 4: "62627200" },
  }),
  change_other: change("Other: a value of equal length differs", {
    ...PLAIN,
    attributes: { ...PLAIN.attributes, 5: "10" },
  }),
  change_counter_before_attribute: change("a counter is looked at before attributes", {
    ...PLAIN,
    info: { 10: 1 },
    attributes: { ...PLAIN.attributes, 15: "00000000" },
  }),
  change_tcp_info_lost: change("NoTCPInfo: tcp_info is gone", { ...PLAIN, infoBytes: 0 }),
  change_tcp_info_grows: change(
    "AttributeLength: tcp_info has another length, and its common part is equal",
    PLAIN,
    { ...PLAIN, infoBytes: 232 },
  ),
  change_tcp_info_short: change(
    "of a tcp_info shorter than what is compared only the common part counts",
    { ...PLAIN, infoBytes: 144, info: { 140: 1 } },
    { ...PLAIN, infoBytes: 144 },
  ),
  change_mini_socket: {
    why: "a mini-socket in FIN_WAIT2 is written once, however long it lasts and whatever its timer says",
    config: configOf(),
    events: polls(
      [{ ...PLAIN, state: 4 }],
      [{ ...MINI, expires: 59_000, attributes: { 15: "00000000" } }],
      [{ ...MINI, expires: 58_000, attributes: { 15: "00000000" } }],
      [{ ...MINI, expires: 57_000, attributes: { 15: "00000000" } }],
    ),
  },
  change_from_the_poll_before: {
    why: "a record is compared with the poll before, also where that was not written",
    config: configOf(),
    events: polls([A], [{ ...A, info: { 44: 1 } }], [{ ...A, info: { 44: 1, 60: 1 } }], [{ ...A, info: { 60: 1 } }]),
  },
  attributes_without_any: {
    why: "a socket without attributes is followed",
    config: configOf(),
    events: polls([{ infoBytes: 0 }], [{ infoBytes: 0 }]),
  },
  attribute_above_38: {
    why: "an attribute whose number is above those kept is left out of the record",
    config: configOf(),
    events: [{
      at: T,
      poll: [
        messageHex(
          socketHex({ infoBytes: 0 }) + attributeHex(8, "00") + attributeHex(40, "01000000") +
            attributeHex(38, "02000000"),
        ),
      ],
    }],
  },
  attribute_twice: {
    why: "of an attribute that a message has twice the last counts",
    config: configOf(),
    events: [{
      at: T,
      poll: [messageHex(socketHex({ infoBytes: 0 }) + attributeHex(5, "01") + attributeHex(5, "02"))],
    }],
  },
  tcp_info_longer_than_known: {
    why: "of a tcp_info that has grown what is known is read, and it is said that there is more",
    config: configOf(),
    events: polls([{ ...PLAIN, infoBytes: 288 }]),
  },

  exclude_local_by_default: {
    why: "listeners, loopback, link-local and multicast are left out, private ranges are not",
    config: configOf(),
    events: [
      ...polls([
        LISTEN,
        { ...A, source: "127.0.0.1", destination: "127.0.0.1" },
        { ...A, source: "169.254.0.1" },
        { ...A, destination: "239.1.2.3" },
        { ...V6, destination: "::1" },
        { ...V6, source: "fe80::1" },
        { ...V6, destination: "::ffff:7f00:1" },
        { ...A, source: "10.0.0.1", destination: "192.168.1.1" },
      ]),
      FLUSH,
    ],
  },
  exclude_nothing: {
    why: "with exclude.local off, listeners and loopback are followed",
    config: configOf({ exclude: { local: false } }),
    events: polls([LISTEN, { ...A, source: "127.0.0.1", destination: "127.0.0.1" }]),
  },
  exclude_srcport: {
    why: "a local port is left out, the same remote port is not",
    config: configOf({ exclude: { srcports: [443, 65535] } }),
    events: [...polls([A, { ...B, sourcePort: 65_535 }, { ...V6, sourcePort: 80, destinationPort: 443 }]), FLUSH],
  },
  exclude_dstip: {
    why: "a remote address is left out in each of its forms",
    config: configOf({ exclude: { dstips: ["198.51.100.129", "2001:db8:1::2"] } }),
    events: [...polls([A, { ...B, destination: "198.51.100.129" }, MAPPED, V6]), FLUSH],
  },
  exclude_flags: {
    why: "the flags of tcp-info say the same, as lists with commas; what does not parse is left out",
    config: configOf({ exclude_srcport: "8443,99999", exclude_dstip: "198.51.100.129, nonsense" }),
    events: [...polls([A, V6, MAPPED]), FLUSH],
  },

  anonymize_netblock: {
    why: "records carry networks of IPv4, IPv6 and mapped addresses, events the addresses themselves",
    config: configOf({ anonymize_ip: "netblock" }),
    events: [...polls([A, V6, MAPPED]), STOP],
  },
  anonymize_own_addresses: {
    why: "this host's own addresses stay as they are",
    config: configOf({ anonymize_ip: "netblock" }),
    events: [{ at: T, own: ["192.0.2.10", "2001:db8::10"] }, ...polls([A, V6])],
  },
  anonymize_after_comparison: {
    why: "what is compared are the records as they came: hiding addresses makes none of them new",
    config: configOf({ anonymize_ip: "netblock" }),
    events: polls([A], [A]),
  },
  anonymize_md5sig: {
    why: "addresses of TCP-MD5 entries are hidden, and their keys are nowhere",
    config: configOf({ anonymize_ip: "netblock" }),
    events: polls([{
      ...A,
      attributes: { 18: "02200600c6336417" + "00".repeat(12) + "736563726574" + "00".repeat(74) },
    }]),
  },
  anonymize_unknown_family: {
    why: "a record of a family whose addresses can't be hidden is not written",
    config: configOf({ anonymize_ip: "netblock", exclude: { local: false } }),
    events: polls([{ ...A, family: 30 }]),
  },

  rotation: {
    why:
      "files end ten minutes after the connection's first record and multiples of that; the first is of the connection's " +
      "day, later ones of their own",
    config: configOf(),
    events: [
      "02-29T23:55:00.000",
      "03-01T00:04:59.990",
      "03-01T00:05:00.000",
      "03-01T00:05:00.010",
      "03-01T00:47:30.000",
      "03-01T00:47:30.010",
      "03-01T00:47:30.020",
      "03-01T00:55:00.010",
    ].map((time, i) => ({ at: at(time), poll: dump({ ...PLAIN, info: { 60: i } }) })),
  },
  rotation_without_records: {
    why: "a file that nothing would be written into is not begun",
    config: configOf({}, { file_age_limit: "1m" }),
    events: [0, 30, 90, 150, 600].map((s) => ({
      at: T + s,
      poll: dump({ ...PLAIN, info: { 60: s === 600 || s === 30 ? 1 : s === 0 ? 0 : 1 } }),
    })),
  },
  rotation_first_of_the_day: {
    why: "a connection that is seen first behind midnight has its first file in the new day's directory",
    config: configOf({}, { file_age_limit: "1h" }),
    events: [
      { at: at("03-01T00:00:00.000"), poll: dump(A) },
      { at: at("03-01T23:30:00.000"), poll: dump({ ...A, info: { 60: 1 } }) },
      { at: at("03-02T00:30:00.001"), poll: dump({ ...A, info: { 60: 2 } }) },
    ],
  },
  reopened_cookie: {
    why: "a cookie that was closed and reappears is opened anew, with a file of the next free sequence",
    config: configOf(),
    events: [...polls([{ ...A, sent: 100 }], [], [], [], [{ ...A, sent: 150 }]), FLUSH],
  },

  totals_through_a_mini_socket: {
    why: "the total does not fall when a connection stops telling its counters, nor when it closes",
    config: configOf(),
    events: [
      [{ ...A, sent: 900, received: 90 }],
      [{ ...A, sent: 1000, received: 100, state: 4 }],
      [{ ...A, ...MINI, attributes: { 15: "00000000" } }],
      [],
      [],
      [],
    ].flatMap((sockets, i) => [{ at: T + i, poll: dump(...sockets) }, { at: T + i, do: "flush" }]),
  },
  totals_of_a_short_tcp_info: {
    why: "a tcp_info of 144 bytes tells what was received and not what was sent",
    config: configOf(),
    events: [...polls([{ ...A, sent: 5, received: 517, infoBytes: 144 }]), FLUSH],
  },
  totals_with_retransmissions: {
    why: "bytes that were sent again count as sent",
    config: configOf(),
    events: [...polls([{ ...A, sent: 1000, retransmitted: 100 }], [{ ...A, sent: 3000, retransmitted: 500 }]), STOP],
  },
  totals_of_duplicates: {
    why: "a connection that a dump has twice counts once",
    config: configOf(),
    events: [...polls([{ ...A, sent: 10 }, { ...A, sent: 10 }, { ...B, sent: 5 }]), FLUSH],
  },

  destroyed: {
    why:
      "the kernel's notification gives the final counters at once, and the next dump that lacks the connection closes it",
    config: configOf(),
    events: [
      ...polls([{ ...A, sent: 100, received: 10 }]),
      { at: T + 0.5, destroyed: destroyed({ ...A, sent: 500, received: 61 }) },
      { at: T + 1, poll: dump() },
      FLUSH,
    ],
  },
  destroyed_and_still_there: {
    why: "the side that closes first is notified while dumps still have its mini-socket",
    config: configOf(),
    events: [
      ...polls([{ ...A, sent: 100 }]),
      { at: T + 0.5, destroyed: destroyed({ ...A, sent: 500 }) },
      { at: T + 1, poll: dump({ ...A, ...MINI, attributes: {} }) },
      { at: T + 2, poll: dump({ ...A, ...MINI, attributes: {} }) },
      { at: T + 3, poll: dump() },
      FLUSH,
    ],
  },
  destroyed_by_abort: {
    why: "after an abort the kernel has cleared ports and counters: the connection keeps what was polled",
    config: configOf(),
    events: [
      ...polls([{ ...A, sent: 100, received: 10 }]),
      { at: T + 0.5, destroyed: destroyed({ ...A, source: "0.0.0.0", destinationPort: 0 }) },
      { at: T + 1, poll: dump() },
      FLUSH,
    ],
  },
  destroyed_between_polls: {
    why: "a connection that lived between two polls opens and closes like any other",
    config: configOf(),
    events: [
      ...polls([]),
      { at: T + 0.5, destroyed: destroyed({ ...A, sent: 500, received: 61 }) },
      { at: T + 1, poll: dump() },
      FLUSH,
    ],
  },
  destroyed_between_polls_not_archived: {
    why: "where such connections are not archived they are counted",
    config: configOf({}, { missed: false }),
    events: [
      ...polls([]),
      { at: T + 0.5, destroyed: destroyed({ ...A, sent: 500 }) },
      { at: T + 1, poll: dump() },
      FLUSH,
    ],
  },
  destroyed_no_connection: {
    why: "listeners, sockets that were never connected and what is left out are freed too",
    config: configOf(),
    events: [
      ...polls([]),
      { at: T + 0.1, destroyed: destroyed({ ...A, destinationPort: 0 }) },
      { at: T + 0.2, destroyed: destroyed({ ...A, sourcePort: 0 }) },
      { at: T + 0.3, destroyed: destroyed({ ...A, destination: "127.0.0.1" }) },
      FLUSH,
    ],
  },
  destroyed_after_close: {
    why: "a notification that comes after the close opens nothing; bytes that it tells more of are counted",
    config: configOf(),
    events: [
      ...polls([{ ...A, sent: 100 }], [], [], []),
      { at: T + 3.5, destroyed: destroyed({ ...A, sent: 130 }) },
      { at: T + 4, poll: dump() },
      FLUSH,
    ],
  },
  destroyed_twice: {
    why: "a second notification of a connection changes nothing",
    config: configOf(),
    events: [
      ...polls([A]),
      { at: T + 0.5, destroyed: destroyed({ ...A, sent: 5 }) },
      { at: T + 0.6, destroyed: destroyed({ ...A, sent: 5 }) },
      { at: T + 1, poll: dump() },
    ],
  },

  scenario_faults: {
    why: "what is no event of this source is said, and the others go on",
    config: configOf(),
    events: [
      { at: T },
      { at: T, poll: "00" },
      { at: T, poll: ["0g"] },
      { at: T, do: "dance" },
      { at: T, poll: dump(), family: "AF_UNIX" },
      { at: T, poll: dump(), lookup: { "0a": "perhaps" } },
      { at: T, poll: [messageHex("0000", 21)] },
      ...polls([A]),
    ],
  },
};
