import { parseAddress } from "../../config/mod.ts";
import { DeliveryError } from "../contract.ts";

/** That lines did not get to `host`, and why. */
export function repeaterFailure(
  kind: DeliveryError["failure"],
  host: string,
  why: string,
  cause?: unknown,
): DeliveryError {
  return new DeliveryError(kind, `Cannot deliver to ${host}: ${why}`, { cause, label: "io" });
}

/** What an error says of itself. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Where the entry `host:port` leads; no host means this one. */
export function targetOf(host: string): { readonly hostname: string; readonly port: number } {
  const { hostname, port } = parseAddress(host);
  return { hostname: hostname === "" ? "127.0.0.1" : hostname, port };
}
