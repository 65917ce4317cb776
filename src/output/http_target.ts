import type { Section } from "../config/mod.ts";

/** An entry of `hosts`, read as where HTTP requests go. */
export interface HttpTarget {
  /** Scheme, host and port, without a slash behind. */
  readonly origin: string;
  /** The entry's own path; "" when it has none. */
  readonly path: string;
  /** The entry's own query with its question mark; "" when it has none. */
  readonly search: string;
  /** `host:port` as logs and metrics may show it. */
  readonly label: string;
  /** The `Authorization` that credentials in the entry ask for. */
  readonly authorization?: string;
}

/**
 * Reads an entry of `hosts`: a URL, or a host with or without port, for which `http` is meant; a bare IPv6 address gets
 * its brackets, and an empty entry is localhost. `null` when it is none of these.
 */
export function parseHttpTarget(entry: string): HttpTarget | null {
  let text = entry.trim() === "" ? "localhost" : entry.trim();
  if (!text.includes("://")) {
    const slash = text.indexOf("/");
    const host = slash < 0 ? text : text.slice(0, slash);
    const bare = !host.startsWith("[") && host.split(":").length > 2;
    text = `http://${bare ? `[${host}]` : host}${slash < 0 ? "" : text.slice(slash)}`;
  }
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:") || url.hostname === "") return null;
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  return {
    origin: url.origin,
    path: url.pathname === "/" ? "" : url.pathname,
    search: url.search,
    label: `${url.hostname}:${port}`,
    ...(url.username === "" ? {} : { authorization: `Basic ${basicAuth(url.username, url.password)}` }),
  };
}

/**
 * Where the requests of an output's host go.
 *
 * @throws {TypeError} when HTTP can't reach it, which the reading of a configuration refuses
 */
export function httpTargetOf(host: string): HttpTarget {
  const target = parseHttpTarget(host);
  if (target === null) throw new TypeError("Cannot use a host of an output: write a URL such as https://host:port");
  return target;
}

function basicAuth(user: string, password: string): string {
  const plain = `${decodeURIComponent(user)}:${decodeURIComponent(password)}`;
  return new TextEncoder().encode(plain).toBase64();
}

/**
 * Refuses entries of `hosts` that HTTP can't reach. For `readConfig` of kinds that speak HTTP.
 *
 * @throws {ConfigError}
 */
export function refuseBadHttpHosts(section: Section): void {
  for (const host of section.strings("hosts") ?? []) {
    if (parseHttpTarget(host) === null) section.fail("hosts", "a list of URLs such as https://host:port");
  }
}
