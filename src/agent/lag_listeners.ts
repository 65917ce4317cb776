/** Further addresses on which the pages of lag are served, each with its own certificate and password. */
import { timingSafeEqual } from "node:crypto";
import type { Section } from "../config/mod.ts";
import { type HttpAddress, type HttpTls, parseHttpAddress } from "../http/mod.ts";

/** One address. */
export interface LagListener {
  /** For messages. */
  readonly name: string;
  readonly address: Exclude<HttpAddress, { transport: "einhorn" }>;
  readonly tls?: HttpTls;
  /** "" asks for nothing. */
  readonly username: string;
  readonly password: string;
  /** For each part of a request, and while nothing is asked. */
  readonly timeoutMs: number;
}

const KEYS = ["name", "address", "cert_file", "key_file", "username", "password", "timeout"];
const TIMEOUT_MS = 300_000;
/** What is open without a password, so that an orchestrator can ask for it. */
const OPEN_PATHS = ["/burrow/admin", "/burrow/admin/ready", "/healthcheck"];

/** Reads `listeners` of the section. @throws {ConfigError} */
export function readLagListeners(section: Section): readonly LagListener[] {
  return section.sections("listeners").map((one, i) => {
    one.refuseOthers(KEYS);
    const [certFile, keyFile] = [one.string("cert_file"), one.string("key_file")];
    if (certFile !== undefined && keyFile === undefined) {
      one.refuse("key_file", "the PEM file of the certificate's key");
    }
    return {
      name: one.string("name") ?? String(i),
      address: readAddress(one),
      ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
      username: one.string("username") ?? "",
      password: one.string("password") ?? "",
      timeoutMs: one.duration("timeout", { atLeast: "1s" }) ?? TIMEOUT_MS,
    };
  });
}

function readAddress(section: Section): LagListener["address"] {
  const want = "host:port: invalid HTTP server listener address";
  try {
    const address = parseHttpAddress(section.string("address") ?? "");
    return address.transport === "tcp" ? address : section.fail("address", want);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return section.fail("address", want);
  }
}

/** A listener as it can be read again. */
export function listenerSection({ name, address, tls, username, password, timeoutMs }: LagListener, format: {
  address(address: HttpAddress): string;
  duration(ms: number): string;
}): Record<string, unknown> {
  return {
    name,
    address: format.address(address),
    cert_file: tls?.certFile ?? null,
    key_file: tls?.keyFile ?? null,
    username,
    password,
    timeout: format.duration(timeoutMs),
  };
}

/**
 * Refuses a request without the name and the password (HTTP Basic, RFC 7617), but for what says whether the process is well.
 *
 * @returns undefined where the request may be answered
 */
export function refusedBasic(request: Request, username: string, password: string): Response | undefined {
  if (username === "" || OPEN_PATHS.includes(new URL(request.url).pathname)) return undefined;
  const encoder = new TextEncoder();
  const wanted = encoder.encode(`Basic ${btoa(String.fromCharCode(...encoder.encode(`${username}:${password}`)))}`);
  const given = encoder.encode(request.headers.get("authorization") ?? "");
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return undefined;
  const headers = { "www-authenticate": 'Basic realm="burrow"', "content-type": "text/plain; charset=utf-8" };
  return new Response("Unauthorized\n", { status: 401, headers });
}
