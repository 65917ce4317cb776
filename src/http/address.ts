import { formatAddress, parseAddress } from "../config/mod.ts";

/** Where HTTP is served. */
export type HttpAddress =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string }
  /** A listening socket that was inherited; systemd's first is 3. */
  | { readonly transport: "fd"; readonly fd: number }
  /** The socket with this index among those Einhorn hands on; its owner turns it into an `fd`. */
  | { readonly transport: "einhorn"; readonly index: number };

/**
 * Reads `host:port`, `:port` (every interface), `/path` or `./path` (unix socket), `fd@N`, `einhorn@N`.
 *
 * @throws {RangeError} for anything else
 */
export function parseHttpAddress(text: string): HttpAddress {
  if (text.startsWith("/") || text.startsWith("./")) {
    if (text.endsWith("/") || text.includes("\0")) {
      throw new RangeError(`Cannot parse address "${text}": write the path of a socket, not of a directory`);
    }
    return { transport: "unix", path: text };
  }
  const inherited = /^(fd|einhorn)@(\d{1,9})$/.exec(text);
  if (inherited !== null) {
    const number = Number(inherited[2]);
    return inherited[1] === "fd" ? { transport: "fd", fd: number } : { transport: "einhorn", index: number };
  }
  try {
    return { transport: "tcp", ...parseAddress(text) };
  } catch (cause) {
    const forms = "host:port, :port, /path, ./path, fd@N or einhorn@N";
    throw new RangeError(`Cannot parse address "${text}": write ${forms}`, { cause });
  }
}

/** Writes an address as {@link parseHttpAddress} reads it. */
export function formatHttpAddress(address: HttpAddress): string {
  switch (address.transport) {
    case "tcp":
      return formatAddress(address);
    case "unix":
      return address.path;
    case "fd":
      return `fd@${address.fd}`;
    case "einhorn":
      return `einhorn@${address.index}`;
  }
}
