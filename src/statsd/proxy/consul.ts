/** The members of a ring as Consul knows them. */
import type { Clock } from "../../clock/mod.ts";
import type { FindMembers } from "./discovery.ts";

/** Where Consul is, and what is asked of it. */
export interface ConsulQuery {
  /** URL of an agent, without a slash behind. */
  readonly address: string;
  readonly service: string;
  /** Sent as `X-Consul-Token`. */
  readonly token?: string;
}

/** What looking for members needs. */
export interface FinderDeps {
  readonly clock: Clock;
  readonly fetch: (url: string, init: RequestInit & { client?: Deno.HttpClient }) => Promise<Response>;
}

/** For one answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** Finds the instances of a service that pass their checks, `address:port` each: `GET /v1/health/service/NAME`. */
export function newConsulFinder({ address, service, token }: ConsulQuery, deps: FinderDeps): FindMembers {
  const url = `${address}/v1/health/service/${encodeURIComponent(service)}?passing=1`;
  const headers: Record<string, string> = token === undefined ? {} : { "x-consul-token": token };
  return async (signal) => consulMembers(await getJson(url, { headers, signal }, `Consul's ${service}`, deps));
}

/**
 * The members that an answer of `/v1/health/service` names.
 *
 * @throws {TypeError} when it is no such answer
 */
export function consulMembers(answer: unknown): string[] {
  if (!Array.isArray(answer)) throw new TypeError("Cannot read Consul's answer: it is no list");
  return answer.map((entry) => {
    const address: unknown = entry?.Node?.Address, port: unknown = entry?.Service?.Port;
    if (typeof address !== "string" || address === "" || !isPort(port)) {
      throw new TypeError("Cannot read Consul's answer: an entry has no Node.Address or no Service.Port");
    }
    return `${address.includes(":") ? `[${address}]` : address}:${port}`;
  });
}

/** Whether it is the number of a TCP port. */
export function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value < 65_536;
}

/**
 * Reads a page as JSON.
 *
 * @param what names whom is asked, in messages
 * @throws {Error} when there is no answer in time, or it is none of 200, or no JSON
 */
export async function getJson(
  url: string,
  init: RequestInit & { client?: Deno.HttpClient; signal: AbortSignal },
  what: string,
  { clock, fetch }: FinderDeps,
): Promise<unknown> {
  const late = new AbortController(), done = new AbortController();
  clock.sleep(TIMEOUT_MS, done.signal).then(() => done.signal.aborted || late.abort());
  try {
    const signal = AbortSignal.any([init.signal, late.signal]);
    const response = await fetch(url, { ...init, redirect: "manual", signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`it answered ${response.status}`);
    }
    return await response.json();
  } catch (cause) {
    const why = late.signal.aborted ? "there was no answer in time" : cause instanceof Error ? cause.message : cause;
    throw new Error(`Cannot ask for ${what} at ${new URL(url).host}: ${why}`, { cause });
  } finally {
    done.abort();
  }
}
