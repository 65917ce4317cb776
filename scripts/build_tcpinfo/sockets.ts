/** Netlink messages of made sockets, as hex. */

/** What a made socket is; unless told otherwise an ESTABLISHED one of AF_INET. */
export interface MadeSocket {
  readonly cookie?: bigint;
  readonly state?: number;
  readonly timer?: number;
  readonly source?: string;
  readonly sourcePort?: number;
  readonly destination?: string;
  readonly destinationPort?: number;
  readonly family?: number;
  readonly expires?: number;
  readonly wqueue?: number;
  readonly uid?: number;
  readonly inode?: number;
  /** `bytes_sent`, `bytes_retrans` and `bytes_received`. */
  readonly sent?: number;
  readonly retransmitted?: number;
  readonly received?: number;
  /** Bytes of `tcp_info`; 0 for none. */
  readonly infoBytes?: number;
  /** Bytes of it by offset. */
  readonly info?: Readonly<Record<number, number>>;
  /** Attributes beside it, hex by number; in the order of their numbers. */
  readonly attributes?: Readonly<Record<number, string>>;
}

/** A connection of 192.0.2.10:443 to 198.51.100.23:51234. */
export const PLAIN: MadeSocket = { cookie: 0x1122334455667788n, attributes: { 4: "637562696300", 5: "00", 8: "00" } };

/** The address's 16 bytes of an `inet_diag_sockid`, as hex; IPv6 in full groups. */
export function addressHex(text: string): string {
  if (!text.includes(":")) {
    const v4 = text.split(".").map((part) => Number(part).toString(16).padStart(2, "0")).join("");
    return v4.padEnd(32, "0");
  }
  const [head = "", tail = ""] = text.split("::");
  const groups = (half: string) => half === "" ? [] : half.split(":").map((group) => group.padStart(4, "0"));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = text.includes("::") ? 8 - before.length - after.length : 0;
  return [...before, ...Array(zeros).fill("0000"), ...after].join("");
}

/** An `inet_diag_msg` and its attributes. */
export function socketHex(made: MadeSocket = PLAIN): string {
  const { cookie = 0x1122334455667788n, state = 1, family = 2, infoBytes = 280 } = made;
  const head = new Uint8Array(72);
  const view = new DataView(head.buffer);
  head.set([family, state, made.timer ?? 0, 0]);
  view.setUint16(4, made.sourcePort ?? 443);
  view.setUint16(6, made.destinationPort ?? 51_234);
  head.set(Uint8Array.fromHex(addressHex(made.source ?? "192.0.2.10")), 8);
  head.set(Uint8Array.fromHex(addressHex(made.destination ?? "198.51.100.23")), 24);
  view.setBigUint64(44, cookie, true);
  view.setUint32(52, made.expires ?? 0, true);
  view.setUint32(60, made.wqueue ?? 0, true);
  view.setUint32(64, made.uid ?? 1000, true);
  view.setUint32(68, made.inode ?? 123_456, true);
  const attributes: [number, string][] = Object.entries(made.attributes ?? {}).map(([at, hex]) => [Number(at), hex]);
  if (infoBytes > 0) attributes.push([2, infoHex(made, state, infoBytes)]);
  attributes.sort(([a], [b]) => a - b);
  return head.toHex() + attributes.map(([number, value]) => attributeHex(number, value)).join("");
}

function infoHex({ sent = 0, received = 0, retransmitted = 0, info = {} }: MadeSocket, state: number, bytes: number) {
  const whole = new Uint8Array(Math.max(bytes, 216));
  const view = new DataView(whole.buffer);
  whole[0] = state;
  view.setUint32(68, 3500, true); // rtt
  view.setBigUint64(128, BigInt(received), true);
  view.setBigUint64(200, BigInt(sent), true);
  view.setBigUint64(208, BigInt(retransmitted), true);
  for (const [at, byte] of Object.entries(info)) whole[Number(at)] = byte;
  return whole.slice(0, bytes).toHex();
}

/** A netlink attribute with its padding. */
export function attributeHex(number: number, value: string): string {
  const length = 4 + value.length / 2;
  return u16(length) + u16(number) + value.padEnd((length + 3 & ~3) * 2 - 8, "0");
}

/** A message around a payload: type 20 and NLM_F_MULTI unless told otherwise. */
export function messageHex(payload: string, type = 20, flags = 2): string {
  return u32(16 + payload.length / 2) + u16(type) + u16(flags) + u32(1) + u32(4321) + payload;
}

/** The messages of one dump, its end included. */
export function dump(...sockets: MadeSocket[]): string[] {
  return [...sockets.map((socket) => messageHex(socketHex(socket))), DONE];
}

/** The end of a dump; interrupted ones have flag 0x10. */
export const DONE = messageHex(u32(0), 3);
export const INTERRUPTED = messageHex(u32(0), 3, 0x12);
/** The end of one that failed with ENOENT, and one that the kernel refuses with EINVAL. */
export const FAILED = messageHex(u32(-2), 3);
export const REFUSED = messageHex(u32(-22) + "48000000140001030100000000000000", 2, 0);

/** A notification that a socket was freed. */
export function destroyed(socket: MadeSocket): string {
  return messageHex(socketHex({ state: 7, uid: 0, inode: 0, ...socket, attributes: { 10: "06" } }), 20, 0);
}

function u16(value: number): string {
  return hexOf(value, 2);
}

function u32(value: number): string {
  return hexOf(value >>> 0, 4);
}

function hexOf(value: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256)
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
