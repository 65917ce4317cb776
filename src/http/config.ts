import type { Section } from "../config/mod.ts";
import { type HttpAddress, parseHttpAddress } from "./address.ts";
import { BEARER_TOKEN } from "./bearer.ts";
import { HTTP_LIMITS, type HttpLimits } from "./server.ts";
import type { HttpTls } from "./tls_files.ts";

/** The `http` section. */
export interface HttpConfig {
  /** `null`: HTTP is not served, written as "". */
  readonly address: HttpAddress | null;
  /** `POST /quitquitquit` stops the agent. */
  readonly quit: boolean;
  /** `/config` shows the configuration. */
  readonly config: boolean;
  /** Asked for by every page but `/healthcheck`. */
  readonly token?: string;
  /** Hosts and Origins that may change something, beside loopback names and the address that was reached. */
  readonly allowedHosts: readonly string[];
  readonly tls?: HttpTls;
  readonly limits: HttpLimits;
}

const DEFAULT_ADDRESS = "127.0.0.1:8127";

/** The keys of the section. */
export const HTTP_KEYS: readonly string[] = [
  "address",
  "quit",
  "config",
  "token",
  "allowed_hosts",
  "tls",
  "max_body",
  "max_connections",
];

/** @throws {ConfigError} on an unknown key or a value that can't be used */
export function readHttpConfig(section: Section): HttpConfig {
  section.refuseOthers(HTTP_KEYS);
  const address = readAddress(section);
  const token = section.secret("token");
  // The refusal says no more than this: an error must not show the token.
  if (token !== undefined && !BEARER_TOKEN.test(token)) section.refuse("token", "letters, digits and ._~+/- alone");
  const tls = readTls(section.section("tls"));
  return {
    address,
    quit: section.boolean("quit") ?? false,
    config: section.boolean("config") ?? false,
    ...token === undefined ? {} : { token },
    allowedHosts: [...new Set([...section.strings("allowed_hosts") ?? [], ...ownName(address)])],
    ...tls === undefined ? {} : { tls },
    limits: {
      ...HTTP_LIMITS,
      maxBodyBytes: section.size("max_body", { atLeast: "1KiB" }) ?? HTTP_LIMITS.maxBodyBytes,
      maxConnections: section.integer("max_connections", { atLeast: 1 }) ?? HTTP_LIMITS.maxConnections,
    },
  };
}

function readAddress(section: Section): HttpAddress | null {
  const text = section.string("address") ?? DEFAULT_ADDRESS;
  if (text === "") return null;
  try {
    return parseHttpAddress(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return section.refuse("address", "host:port, :port, /path, ./path, fd@N or einhorn@N", error) ?? null;
  }
}

/** The name that is listened on, which is not every interface's. */
function ownName(address: HttpAddress | null): string[] {
  if (address?.transport !== "tcp" || ["", "0.0.0.0", "::"].includes(address.hostname)) return [];
  return [address.hostname];
}

function readTls(section: Section): HttpTls | undefined {
  section.refuseOthers(["cert_file", "key_file", "client_ca_file"]);
  const [certFile, keyFile, clientCaFile] = [
    section.string("cert_file"),
    section.string("key_file"),
    section.string("client_ca_file"),
  ];
  if (certFile === undefined && keyFile === undefined && clientCaFile === undefined) return undefined;
  if (certFile === undefined) return section.refuse("cert_file", "the certificate's PEM file, as TLS is asked for");
  if (keyFile === undefined) return section.refuse("key_file", "the PEM file of the certificate's key");
  return { certFile, keyFile, ...clientCaFile === undefined ? {} : { clientCaFile } };
}
