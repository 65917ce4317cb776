import https from "node:https";
import type { ClientDeps } from "./contract.ts";

/** The TLS of requests to a host whose certificate bears another name. */
export interface NamedTls {
  /** Sent as SNI, and the name the certificate must be for. */
  readonly serverName: string;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** A `fetch`, and what gives its kept connections back. */
export interface NamedTlsFetch {
  readonly fetch: ClientDeps["fetch"];
  close(): void;
}

/**
 * A `fetch` for `https` URLs that asks for, and verifies, `serverName` rather than the URL's host: what Deno's own
 * can't be told. It knows what `HttpConnection` uses, which is a body of bytes, headers and a signal.
 */
export function newNamedTlsFetch(tls: NamedTls): NamedTlsFetch {
  const agent = new https.Agent({ keepAlive: true });
  const options = {
    agent,
    servername: tls.serverName,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  };
  const fetch: ClientDeps["fetch"] = (url, init) =>
    new Promise((resolve, reject) => {
      const body = init.body as Uint8Array;
      const request = https.request(url, {
        ...options,
        method: init.method ?? "POST",
        headers: { ...init.headers as Record<string, string>, "Content-Length": String(body.length) },
        ...(init.signal ? { signal: init.signal } : {}),
      }, (reply) => {
        const chunks: Uint8Array[] = [];
        reply.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        reply.on("error", reject);
        reply.on("end", () => {
          const headers = new Headers();
          for (const [name, value] of Object.entries(reply.headers)) headers.set(name, String(value));
          const status = reply.statusCode ?? 0;
          const empty = status === 204 || status === 205 || status === 304;
          resolve(new Response(empty ? null : new Blob(chunks as BlobPart[]), { status, headers }));
        });
      });
      request.on("error", reject);
      request.end(body);
    });
  return { fetch, close: () => agent.destroy() };
}
