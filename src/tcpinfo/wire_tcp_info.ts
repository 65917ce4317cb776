/** `struct tcp_info`, uapi/linux/tcp.h: it has grown from 104 bytes to 280, so that its length says what is in it. */

/**
 * How the last four bytes are laid out. Linux 6.18 and 6.19 have two fields of 16 bits there, 7.0 four bit fields; the length
 * is the same.
 */
export type TcpInfoLayout = "6.18" | "7.0";

/** The layout of a kernel by its release, such as `6.18.44-generic`; undefined where the release does not tell. */
export function tcpInfoLayout(kernelRelease: string): TcpInfoLayout | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernelRelease) ?? [];
  if (major === undefined) return undefined;
  return Number(major) >= 7 ? "7.0" : Number(major) === 6 && Number(minor) >= 18 ? "6.18" : undefined;
}

/** Where a field stands in what {@linkcode readTcpInfo} fills. The names are the kernel's without `tcpi_`. */
export const TcpInfoIndex = {
  state: 0,
  ca_state: 1,
  retransmits: 2,
  probes: 3,
  backoff: 4,
  options: 5,
  snd_wscale: 6,
  rcv_wscale: 7,
  delivery_rate_app_limited: 8,
  fastopen_client_fail: 9,
  rto: 10,
  ato: 11,
  snd_mss: 12,
  rcv_mss: 13,
  unacked: 14,
  sacked: 15,
  lost: 16,
  retrans: 17,
  fackets: 18,
  last_data_sent: 19,
  last_ack_sent: 20,
  last_data_recv: 21,
  last_ack_recv: 22,
  pmtu: 23,
  rcv_ssthresh: 24,
  rtt: 25,
  rttvar: 26,
  snd_ssthresh: 27,
  snd_cwnd: 28,
  advmss: 29,
  reordering: 30,
  rcv_rtt: 31,
  rcv_space: 32,
  total_retrans: 33,
  pacing_rate: 34,
  max_pacing_rate: 35,
  bytes_acked: 36,
  bytes_received: 37,
  segs_out: 38,
  segs_in: 39,
  notsent_bytes: 40,
  min_rtt: 41,
  data_segs_in: 42,
  data_segs_out: 43,
  delivery_rate: 44,
  busy_time: 45,
  rwnd_limited: 46,
  sndbuf_limited: 47,
  delivered: 48,
  delivered_ce: 49,
  bytes_sent: 50,
  bytes_retrans: 51,
  dsack_dups: 52,
  reord_seen: 53,
  rcv_ooopack: 54,
  snd_wnd: 55,
  rcv_wnd: 56,
  rehash: 57,
  total_rto: 58,
  total_rto_recoveries: 59,
  total_rto_time: 60,
  received_ce: 61,
  delivered_e1_bytes: 62,
  delivered_e0_bytes: 63,
  delivered_ce_bytes: 64,
  received_e1_bytes: 65,
  received_e0_bytes: 66,
  received_ce_bytes: 67,
  ecn_mode: 68,
  accecn_opt_seen: 69,
  accecn_fail_mode: 70,
  options2: 71,
} as const;

/** A field of `struct tcp_info`. */
export type TcpInfoField = keyof typeof TcpInfoIndex;

/** How many fields there are. */
export const TCP_INFO_FIELDS = 72;
/** The longest form that is known. */
export const TCP_INFO_BYTES = 280;

/** The fields' names by index. */
export const TCP_INFO_NAMES: readonly TcpInfoField[] = Object.keys(TcpInfoIndex) as TcpInfoField[];

const WSCALE_AT = 6;
const FLAGS_AT = 7;
/** Where the layouts differ. */
const LAYOUTS_AT = 276;

/**
 * Fills `out` with the fields of the `tcp_info` at `view[at, at + length)`, by {@linkcode TcpInfoIndex}; a field that does
 * not lie wholly inside is NaN. Bytes beyond those known are left alone. Nothing is allocated.
 *
 * 64 bits become a `number`: exact below 2^53, which the counters stay below (9 PB); an unlimited rate, all bits set, is 2^64.
 */
export function readTcpInfo(
  view: DataView,
  at: number,
  length: number,
  layout: TcpInfoLayout,
  out: Float64Array,
): void {
  if (length < TCP_INFO_BYTES) out.fill(NaN); // otherwise every field is written, but for those of the other layout
  else out[TcpInfoIndex.ecn_mode] = out[TcpInfoIndex.options2] = NaN;
  for (let i = 0; i < WSCALE_AT && i < length; i++) out[i] = view.getUint8(at + i);
  if (length > WSCALE_AT) {
    const scales = view.getUint8(at + WSCALE_AT);
    out[TcpInfoIndex.snd_wscale] = scales & 15;
    out[TcpInfoIndex.rcv_wscale] = scales >> 4;
  }
  if (length > FLAGS_AT) {
    const flags = view.getUint8(at + FLAGS_AT);
    out[TcpInfoIndex.delivery_rate_app_limited] = flags & 1;
    out[TcpInfoIndex.fastopen_client_fail] = flags >> 1 & 3;
  }
  readWords(view, at + 8, length - 8, out, TcpInfoIndex.rto, 24);
  readLongs(view, at + 104, length - 104, out, TcpInfoIndex.pacing_rate, 4);
  readWords(view, at + 136, length - 136, out, TcpInfoIndex.segs_out, 6);
  readLongs(view, at + 160, length - 160, out, TcpInfoIndex.delivery_rate, 4);
  readWords(view, at + 192, length - 192, out, TcpInfoIndex.delivered, 2);
  readLongs(view, at + 200, length - 200, out, TcpInfoIndex.bytes_sent, 2);
  readWords(view, at + 216, length - 216, out, TcpInfoIndex.dsack_dups, 6);
  if (length >= 242) out[TcpInfoIndex.total_rto] = view.getUint16(at + 240, true);
  if (length >= 244) out[TcpInfoIndex.total_rto_recoveries] = view.getUint16(at + 242, true);
  readWords(view, at + 244, length - 244, out, TcpInfoIndex.total_rto_time, 8);
  readLayout(view, at, length, layout, out);
}

/** Up to `count` fields of 32 bits, as many as the `left` bytes hold, into `out` from `first` on. */
function readWords(view: DataView, at: number, left: number, out: Float64Array, first: number, count: number): void {
  const whole = left >= 4 * count ? count : Math.max(left, 0) >> 2;
  for (let i = 0; i < whole; i++) out[first + i] = view.getUint32(at + 4 * i, true);
}

/** As {@linkcode readWords} for 64 bits. */
function readLongs(view: DataView, at: number, left: number, out: Float64Array, first: number, count: number): void {
  const whole = left >= 8 * count ? count : Math.max(left, 0) >> 3;
  for (let i = 0; i < whole; i++) {
    const from = at + 8 * i;
    out[first + i] = view.getUint32(from + 4, true) * 0x1_0000_0000 + view.getUint32(from, true);
  }
}

/** The fields of the last four bytes that lie inside `length`, by index; the others stay as they are. */
function readLayout(view: DataView, at: number, length: number, layout: TcpInfoLayout, out: Float64Array): void {
  if (layout === "6.18") {
    if (length >= LAYOUTS_AT + 2) out[TcpInfoIndex.accecn_fail_mode] = view.getUint16(at + LAYOUTS_AT, true);
    if (length >= LAYOUTS_AT + 4) out[TcpInfoIndex.accecn_opt_seen] = view.getUint16(at + LAYOUTS_AT + 2, true);
  } else if (length >= LAYOUTS_AT + 4) {
    const word = view.getUint32(at + LAYOUTS_AT, true);
    out[TcpInfoIndex.ecn_mode] = word & 3;
    out[TcpInfoIndex.accecn_opt_seen] = word >> 2 & 3;
    out[TcpInfoIndex.accecn_fail_mode] = word >> 4 & 15;
    out[TcpInfoIndex.options2] = word >>> 8;
  }
}

/** Where the fields of 64 bits stand. */
const LONGS: readonly (readonly [offset: number, name: TcpInfoField])[] = [
  [104, "pacing_rate"],
  [112, "max_pacing_rate"],
  [120, "bytes_acked"],
  [128, "bytes_received"],
  [160, "delivery_rate"],
  [168, "busy_time"],
  [176, "rwnd_limited"],
  [184, "sndbuf_limited"],
  [200, "bytes_sent"],
  [208, "bytes_retrans"],
];

/** The fields of a `tcp_info` that are there, by name and in their order; 64 bits are exact. */
export function tcpInfoObject(
  view: DataView,
  at: number,
  length: number,
  layout: TcpInfoLayout,
): Record<string, number | bigint> {
  const values = new Float64Array(TCP_INFO_FIELDS);
  readTcpInfo(view, at, length, layout, values);
  const object: Record<string, number | bigint> = {};
  for (const [i, name] of TCP_INFO_NAMES.entries()) {
    if (!Number.isNaN(values[i])) object[name] = values[i]!; // as many values as names
  }
  for (const [offset, name] of LONGS) {
    if (offset + 8 <= length) object[name] = view.getBigUint64(at + offset, true);
  }
  return object;
}
