/** An internet endpoint. `hostname` is an IP literal, an IPv6 one without brackets, if need be with `%zone`. */
export interface InetAddress {
  hostname: string;
  port: number;
}

/** A unix socket: a path, or a name of the abstract namespace written `@name`; "" is a socket without a name. */
export interface UnixAddress {
  path: string;
}

export type SocketAddress = InetAddress | UnixAddress;

/** `AF_*` of include/linux/socket.h. */
export const AddressFamily = { unix: 1, inet: 2, inet6: 10 } as const;

/** `sizeof(struct sockaddr_storage)`: room for any address the kernel returns. */
export const SOCKADDR_BYTES = 128;

/** `sizeof(sun_path)`, of which a path needs one byte for its NUL and an abstract name one for the NUL before it. */
const UNIX_PATH_BYTES = 108;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The kernel's form of an address: `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un`, as long as it has to be.
 *
 * @param indexOfZone turns the zone of `fe80::1%eth0` into an interface index, 0 when there is none; by default only
 * numeric zones are understood
 * @throws {RangeError} if it is not an address that can be written so
 */
export function encodeSocketAddress(
  address: SocketAddress,
  indexOfZone: (zone: string) => number = Number,
): Uint8Array<ArrayBuffer> {
  if ("path" in address) return encodeUnix(address.path);
  const { hostname, port } = address;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`Cannot use port ${port} of ${showAddress(address)}: write 0 to 65535`);
  }
  const v4 = parseIpv4(hostname);
  if (v4 !== undefined) {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, AddressFamily.inet, true);
    view.setUint16(2, port);
    bytes.set(v4, 4);
    return bytes;
  }
  const percent = hostname.indexOf("%");
  const v6 = parseIpv6(percent < 0 ? hostname : hostname.slice(0, percent));
  if (v6 === undefined) {
    throw new RangeError(`Cannot use ${JSON.stringify(hostname)} as an address: write an IPv4 or IPv6 literal`);
  }
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AddressFamily.inet6, true);
  view.setUint16(2, port);
  bytes.set(v6, 8); // after sin6_flowinfo
  if (percent >= 0) {
    const index = indexOfZone(hostname.slice(percent + 1));
    if (!Number.isInteger(index) || index <= 0) {
      throw new RangeError(`Cannot use ${JSON.stringify(hostname)} as an address: there is no such interface`);
    }
    view.setUint32(24, index, true);
  }
  return bytes;
}

function encodeUnix(path: string): Uint8Array<ArrayBuffer> {
  const name = encoder.encode(path);
  const abstract = path.startsWith("@");
  if (name.length > UNIX_PATH_BYTES - (abstract ? 0 : 1)) {
    throw new RangeError(`Cannot use ${path} as a socket path: ${name.length} bytes, Linux takes 107`);
  }
  if (name.length === (abstract ? 1 : 0)) {
    throw new RangeError(`Cannot use ${JSON.stringify(path)} as a socket path: write a path or @name`);
  }
  if (!abstract && path.includes("\0")) {
    throw new RangeError(`Cannot use ${JSON.stringify(path)} as a socket path: remove the NUL`);
  }
  const bytes = new Uint8Array(2 + name.length + (abstract ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, AddressFamily.unix, true);
  bytes.set(name, 2);
  if (abstract) bytes[2] = 0;
  return bytes;
}

/** Reads what the kernel wrote: `length` bytes of a sockaddr. Undefined for a family that is none of the three. */
export function parseSocketAddress(bytes: Uint8Array, length: number): SocketAddress | undefined {
  if (length < 2 || length > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const family = view.getUint16(0, true);
  if (family === AddressFamily.inet && length >= 8) {
    return { hostname: formatIpv4(bytes.subarray(4, 8)), port: view.getUint16(2) };
  }
  if (family === AddressFamily.inet6 && length >= 24) {
    const zone = length >= 28 ? view.getUint32(24, true) : 0;
    const hostname = formatIpv6(bytes.subarray(8, 24)) + (zone === 0 ? "" : `%${zone}`);
    return { hostname, port: view.getUint16(2) };
  }
  if (family === AddressFamily.unix) {
    if (length === 2) return { path: "" };
    if (bytes[2] === 0) return { path: "@" + decoder.decode(bytes.subarray(3, length)) };
    const nul = bytes.subarray(2, length).indexOf(0);
    return { path: decoder.decode(bytes.subarray(2, nul < 0 ? length : 2 + nul)) };
  }
  return undefined;
}

/** `127.0.0.1:8125`, `[::1]:8125`, `/run/x.sock`, `@name`. */
export function showAddress(address: SocketAddress): string {
  if ("path" in address) return address.path === "" ? "(unnamed)" : address.path;
  return address.hostname.includes(":")
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}

/** Four bytes, or undefined: exactly four decimal numbers up to 255, none with a leading zero. */
export function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

/** Sixteen bytes, or undefined: RFC 4291 §2.2 in all three forms, without a zone. */
export function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  head.forEach((group, i) => view.setUint16(2 * i, group));
  tail.forEach((group, i) => view.setUint16(2 * (head.length + missing + i), group));
  return bytes;
}

/** The 16-bit groups of one side of `::`; the last may be an IPv4 literal where `last` says that the address ends here. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const out: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes(".")) {
      const v4 = parseIpv4(part);
      if (v4 === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = v4;
      out.push(a << 8 | b, c << 8 | d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      out.push(parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return out;
}

/** Dotted form of 4 bytes. */
export function formatIpv4(bytes: Uint8Array): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
}

/** Canonical form of 16 bytes (RFC 5952): the longest run of two or more zero groups becomes `::`, the first of equals. */
export function formatIpv6(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] ?? 0) << 8 | (bytes[2 * i + 1] ?? 0));
  if (words[5] === 0xffff && words.slice(0, 5).every((word) => word === 0)) {
    return `::ffff:${formatIpv4(bytes.subarray(12))}`; // mapped, RFC 5952 §5
  }
  let bestStart = 0;
  let bestLength = 0;
  for (let i = 0; i < 8;) {
    let end = i;
    while (end < 8 && words[end] === 0) end++;
    if (end - i > bestLength) [bestStart, bestLength] = [i, end - i];
    i = Math.max(end, i + 1);
  }
  const hex = words.map((word) => word.toString(16));
  if (bestLength < 2) return hex.join(":");
  return `${hex.slice(0, bestStart).join(":")}::${hex.slice(bestStart + bestLength).join(":")}`;
}
