/** Where a listener listens, as a URL says it. */
export interface ListenAddress {
  readonly transport: "udp" | "tcp" | "unix" | "unixgram";
  /** For `udp4://` and `udp6://`. */
  readonly family?: 4 | 6;
  /** Of udp and tcp; "" is every interface. */
  readonly hostname: string;
  /** Of udp and tcp; 0 picks a free one. */
  readonly port: number;
  /** Of unix and unixgram; a first `@` stands for an abstract name. */
  readonly path: string;
  /** What is spoken on tcp or unix, where that is not lines or frames. */
  readonly over?: "grpc";
}

/**
 * Reads `udp://host:port`, `udp4://`, `udp6://`, `tcp://`, `unix:///path`, `unix:@name`, `unixgram:///path`,
 * `unixgram:@name`; an IPv6 address stands in brackets. `undefined` for anything else.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const colon = text.indexOf(":");
  const scheme = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  switch (scheme) {
    case "udp":
    case "udp4":
    case "udp6":
    case "tcp": {
      const hostPort = rest.startsWith("//") ? parseHostPort(rest.slice(2)) : undefined;
      if (hostPort === undefined) return undefined;
      return {
        transport: scheme === "tcp" ? "tcp" : "udp",
        ...(scheme === "udp4" ? { family: 4 as const } : scheme === "udp6" ? { family: 6 as const } : {}),
        ...hostPort,
        path: "",
      };
    }
    case "unix":
    case "unixgram": {
      const path = rest.startsWith("//") ? rest.slice(2) : rest;
      if (path === "" || path === "@") return undefined;
      return { transport: scheme, hostname: "", port: 0, path };
    }
    default:
      return undefined;
  }
}

/** Reads `host:port`, `[::1]:port`, `:port`. `undefined` for anything else. */
export function parseHostPort(text: string): { hostname: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\[\]:/]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  return { hostname: match[1] ?? match[2] ?? "", port };
}

/** Reads where to forward over gRPC: `host:port`, with `http://` in front if one likes, or `https://` for TLS. */
export function parseForwardAddress(text: string): { hostname: string; port: number; usesTls: boolean } | undefined {
  const [, scheme = "", rest = ""] = /^(https?:\/\/)?(.*?)\/?$/.exec(text) ?? [];
  const parsed = parseHostPort(rest);
  if (parsed === undefined || parsed.hostname === "" || parsed.port === 0) return undefined;
  return { ...parsed, usesTls: scheme === "https://" };
}

/** The address as a URL, as logs and `addresses` show it. */
export function formatAddress(address: ListenAddress): string {
  if (address.path !== "") return `${address.over === undefined ? "" : "grpc+"}${address.transport}://${address.path}`;
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `${address.over ?? `${address.transport}${address.family ?? ""}`}://${host}:${address.port}`;
}
