/** What entries of `hosts` may leave out. */
export interface AddressDefaults {
  /** The output's own `port`; an entry's port wins. */
  readonly port?: number;
  /** The protocol's port, where there is no other. */
  readonly protocolPort: number;
}

/** What URLs in `hosts` may leave out besides. */
export interface UrlDefaults extends AddressDefaults {
  /** An entry's own scheme wins. @default "http" */
  readonly scheme?: "http" | "https";
  /** Where an entry has no path of its own. @default none */
  readonly path?: string;
}

/** Host and port apart; a port that is not written is absent. */
interface HostPort {
  readonly host: string;
  readonly port?: number;
}

const URL_PARTS = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:([^@/?#]*)@)?([^/?#]*)([/?#].*)?$/i;
const HOST_NAME = /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?$/i;
const IPV6 = /^[0-9a-f:.]+(?:%[\w.-]+)?$/i;

/**
 * `host:port` of an entry for protocols of their own: IPv6 addresses get brackets, with several colons and no brackets all
 * of it is the address, and an empty entry is localhost. `null` when it is no host, or its port is not 1 to 65535.
 */
export function hostAddress(entry: string, defaults: AddressDefaults): string | null {
  const parts = hostPort(entry.trim());
  return parts === null ? null : `${parts.host}:${parts.port ?? defaults.port ?? defaults.protocolPort}`;
}

/**
 * The URL of an entry: what it leaves out comes from `defaults`, whatever its scheme, so that a port is always written; a
 * path is only added where it has none. Credentials stay in it: see {@link shownUrl}. `null` when it is none.
 */
export function hostUrl(entry: string, defaults: UrlDefaults): string | null {
  const match = URL_PARTS.exec(entry.trim());
  if (match === null) return null;
  const [, scheme = defaults.scheme ?? "http", credentials, authority = "", rest = ""] = match;
  if (!/^https?$/i.test(scheme)) return null;
  const parts = hostPort(authority);
  if (parts === null) return null;
  const port = parts.port ?? defaults.port ?? defaults.protocolPort;
  const path = rest !== "" || defaults.path === undefined ? rest : `/${defaults.path.replace(/^\//, "")}`;
  const user = credentials === undefined ? "" : `${credentials}@`;
  return `${scheme.toLowerCase()}://${user}${parts.host}:${port}${path}`;
}

/** A URL as logs and metrics may show it: without credentials and query. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^@/?#]*@/i, "$1").replace(/[?#].*$/s, "");
}

/** What is wrong with a list of hosts. */
export interface HostFaults {
  /** Entries that are no host. */
  readonly bad: readonly string[];
  /** Hosts that are there more than once; that is only worth a warning. */
  readonly duplicates: readonly string[];
}

/**
 * Looks a list of hosts over at the start, after defaults were filled in.
 *
 * @param resolve as `hostAddress` or `hostUrl` with the output's defaults
 */
export function checkHosts(entries: readonly string[], resolve: (entry: string) => string | null): HostFaults {
  const bad: string[] = [];
  const duplicates = new Set<string>();
  const seen = new Set<string>();
  for (const entry of entries) {
    const resolved = resolve(entry);
    if (resolved === null) bad.push(shownUrl(entry));
    else if (seen.has(resolved)) duplicates.add(shownUrl(resolved));
    else seen.add(resolved);
  }
  return { bad, duplicates: [...duplicates] };
}

function hostPort(text: string): HostPort | null {
  if (text === "") return { host: "localhost" };
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return withPort(ipv6(bracketed[1]!), bracketed[2]);
  const colons = text.split(":").length - 1;
  if (colons > 1) return withPort(ipv6(text), undefined);
  const [host = "", port] = text.split(":");
  return withPort(host === "" ? "localhost" : HOST_NAME.test(host) ? host : null, port);
}

function ipv6(text: string): string | null {
  return IPV6.test(text) && text.includes(":") ? `[${text}]` : null;
}

function withPort(host: string | null, port: string | undefined): HostPort | null {
  if (host === null) return null;
  if (port === undefined) return { host };
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  return number >= 1 && number <= 65_535 ? { host, port: number } : null;
}
