/** A host and a port. */
export interface Address {
  /** A name, or an IP address without brackets; "" is every interface. */
  readonly hostname: string;
  /** 0 to 65535; 0 picks a free one. */
  readonly port: number;
}

/**
 * Reads `host:port`: `127.0.0.1:8125`, `localhost:0`, `[::1]:8125`, `:8125`.
 *
 * @throws {RangeError} for anything else: a URL, a port that has no number, an IPv6 address without brackets
 */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]*)\]|([^\[\]:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const [ipv6, host] = [match?.[1], match?.[2]];
  const good = match !== null && port <= 65_535 && (ipv6 === undefined ? isHost(host!) : isIpv6(ipv6));
  if (!good) throw new RangeError(`Cannot parse address "${text}": write host:port, [::1]:port or :port`);
  return { hostname: ipv6 ?? host!, port };
}

/** Writes an address as `parseAddress` reads it. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function isHost(text: string): boolean {
  if (text === "") return true;
  if (!/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(text) || text.includes("..")) return false;
  // Numbers alone can only be an IPv4 address.
  if (!/^[0-9.]+$/.test(text)) return true;
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/** With a zone (`fe80::1%eth0`) or without. */
function isIpv6(text: string): boolean {
  const [address, ...zone] = text.split("%");
  if (zone.length > 1 || (zone.length === 1 && !/^[A-Za-z0-9_.-]+$/.test(zone[0]!))) return false;
  // The URL parser knows the whole grammar, `::ffff:1.2.3.4` included.
  return address!.includes(":") && URL.canParse(`http://[${address}]/`);
}
