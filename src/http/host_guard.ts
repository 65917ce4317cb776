import type { MiddlewareHandler } from "@hono/hono";
import type { HttpBindings } from "./bridge.ts";

/** Which Hosts and Origins may change something. Loopback names and the address a client reached always may. */
export interface HostGuardOptions {
  /** Names or addresses, without a port; `*` allows any. */
  readonly allowedHosts?: readonly string[];
  /**
   * Paths that other machines' programs post to under whatever name they know this one by. There the Host is free; an
   * Origin, which only browsers send, is looked at all the same.
   */
  readonly anyHostPaths?: readonly string[];
}

/**
 * Refuses (403) requests that change something when they come with a foreign Host or Origin: those of a page that a
 * browser on this host shows, by posting to loopback or by a name that was made to resolve to it.
 */
export function hostGuard(options: HostGuardOptions = {}): MiddlewareHandler<{ Bindings: HttpBindings }> {
  const allowed = new Set((options.allowedHosts ?? []).map((host) => normal(host)));
  const anyHostPaths = new Set(options.anyHostPaths);
  const everything = allowed.has("*");

  return async (c, next) => {
    const { method } = c.req;
    if (everything || method === "GET" || method === "HEAD") return await next();
    const connection = c.env?.connection;
    const isAllowed = (name: string) => isLoopback(name) || allowed.has(name) || name === connection?.localAddress;

    const host = c.req.header("host");
    // No browser reaches a unix socket, and programs write any Host there.
    const hostMatters = connection?.transport !== "unix" && !anyHostPaths.has(c.req.path);
    if (host !== undefined && hostMatters) {
      const name = hostName(`http://${host}`);
      if (name === undefined || !isAllowed(name)) return c.text(refusal("Host"), 403);
    }
    const origin = c.req.header("origin");
    if (origin !== undefined) {
      const name = hostName(origin);
      if (name === undefined || !isAllowed(name)) return c.text(refusal("Origin"), 403);
    }
    return await next();
  };
}

function refusal(header: string): string {
  return `Refused: this ${header} is none of the agent's; if it should be, list it in http.allowed_hosts\n`;
}

/** The host of an origin, as `normal` gives it; `undefined` when it is none (`null`) or more than that. */
function hostName(origin: string): string | undefined {
  if (!/^https?:\/\/[^\s/?#@\\]+$/i.test(origin)) return undefined;
  const url = URL.parse(origin);
  return url === null ? undefined : normal(url.hostname);
}

/** In lower case, without brackets, without a dot behind. */
function normal(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

function isLoopback(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^127\.\d+\.\d+\.\d+$/.test(name);
}
