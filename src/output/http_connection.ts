import { readAtMost } from "../bytes/mod.ts";
import { type ClientDeps, DeliveryError, type OutputConfig } from "./contract.ts";
import { fetchFailure, statusFailure } from "./http_failure.ts";
import type { HttpTarget } from "./http_target.ts";
import { type NamedTlsFetch, newNamedTlsFetch } from "./named_tls.ts";

/** A reply's body is read up to here; more is not worth the reading. */
const MAX_REPLY_BYTES = 65_536;

/** One request, but for where it goes. */
export interface HttpRequest {
  readonly method: "POST" | "PUT";
  /** Path and query, from the slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
  /** What the request is measured as: `flush`, `flush_events`, … */
  readonly action: string;
  /** The statuses that mean done; any of 2xx unless told otherwise. */
  readonly success?: readonly number[];
}

/** A reply that means done. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  /** Its first 64 KiB. */
  readonly body: Uint8Array;
}

/** The HTTP under a client: TLS, proxy, classified outcomes. Redirects are never followed, requests sent once. */
export class HttpConnection {
  /** Private, as everything that holds a key is, so that no inspection shows it. */
  readonly #target: HttpTarget;
  readonly #config: OutputConfig;
  readonly #deps: ClientDeps;
  /** Aborts what is under way when the connection is closed; `connect` makes a new one. */
  #closing = new AbortController();
  #named: NamedTlsFetch | undefined;
  #client: Deno.HttpClient | undefined;
  #ready = false;
  #underWay = 0;
  #connecting: Promise<void> | undefined;

  constructor(target: HttpTarget, config: OutputConfig, deps: ClientDeps) {
    this.#target = target;
    this.#config = config;
    this.#deps = deps;
  }

  /** False before the first `connect`, and after a request that could not reach the host while no other was under way. */
  get isConnected(): boolean {
    return this.#ready;
  }

  /**
   * Reads the certificates, anew after a `close()`; connections themselves are made by the first requests.
   *
   * @throws {DeliveryError} when a certificate can't be read or used
   */
  async connect(): Promise<void> {
    if (this.#closing.signal.aborted) this.#closing = new AbortController();
    const { signal } = this.#closing;
    await (this.#connecting ??= this.#prepare(signal));
    if (signal.aborted) throw this.#failure("connection", "it was closed while it was opened");
    this.#ready = true;
  }

  /** Sends one request and reads its reply; never throws. */
  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpReply | DeliveryError> {
    const { clock, observe } = this.#deps;
    const startMs = clock.monotonic();
    this.#underWay++;
    const outcome = await this.#exchange(request, AbortSignal.any([signal, this.#closing.signal]));
    this.#underWay--;
    const failed = outcome instanceof DeliveryError;
    // Every request has a connection of its own: that one was lost says nothing of the others that are under way.
    if (failed && (outcome.failure === "connection" || outcome.failure === "ambiguous") && this.#underWay === 0) {
      this.#ready = false;
    }
    observe?.({
      action: request.action,
      contentLength: request.body.length,
      durationMs: { part: "post", value: clock.monotonic() - startMs },
      ...(failed ? { errorCause: outcome.label } : {}),
    });
    return outcome;
  }

  /** Ends requests under way and gives back the connections, until the next `connect`. */
  close(): void {
    this.#ready = false;
    this.#closing.abort();
    this.#connecting = undefined;
    this.#client?.close();
    this.#client = undefined;
    this.#named?.close();
    this.#named = undefined;
  }

  async #exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpReply | DeliveryError> {
    const target = this.#target;
    if (signal.aborted) return this.#failure("connection", "there was no time left to begin");
    let response: Response;
    try {
      response = await (this.#named ?? this.#deps).fetch(target.origin + request.path, {
        method: request.method,
        headers: {
          ...request.headers,
          ...(target.authorization === undefined ? {} : { Authorization: target.authorization }),
        },
        body: request.body,
        redirect: "manual",
        signal,
        ...(this.#client === undefined ? {} : { client: this.#client }),
      });
    } catch (error) {
      return fetchFailure(error, target.label, signal.aborted);
    }
    const { status, headers } = response;
    let body: Uint8Array;
    try {
      body = (await readAtMost(response.body, MAX_REPLY_BYTES)).bytes;
    } catch {
      // The reader's own error says no more than this, and may quote the URL.
      return new DeliveryError("ambiguous", `Cannot deliver to ${target.label}: its answer broke off`, {
        label: "readresponse",
      });
    }
    const done = request.success?.includes(status) ?? (status >= 200 && status < 300);
    return done ? { status, headers, body } : statusFailure(status, headers, target.label);
  }

  async #prepare(closed: AbortSignal): Promise<void> {
    const { tls, proxy } = this.#config;
    try {
      const ca = tls.caFile === undefined ? undefined : await readPem(tls.caFile, "CERTIFICATE");
      const cert = tls.certFile === undefined ? undefined : await readPem(tls.certFile, "CERTIFICATE");
      const key = tls.keyFile === undefined ? undefined : await readPem(tls.keyFile, "PRIVATE KEY");
      if (closed.aborted) return; // and nothing is opened that nobody would close
      if (tls.serverName !== undefined && this.#target.origin.startsWith("https:")) {
        if (proxy !== undefined) throw new TypeError("tls.server_name and proxy exclude each other");
        this.#named = newNamedTlsFetch({ serverName: tls.serverName, ca, cert, key });
        return;
      }
      this.#client = Deno.createHttpClient({
        // On a kept connection that is closed before it answers, the runtime sends a request again by itself, though it may
        // have been executed; on a new one it does not. And none can have gone stale.
        poolMaxIdlePerHost: 0,
        ...(ca === undefined ? {} : { caCerts: [ca] }),
        ...(cert === undefined || key === undefined ? {} : { cert, key }),
        ...(proxy === undefined ? {} : { proxy: proxyOf(proxy) }),
      });
    } catch (error) {
      this.#connecting = undefined;
      const why = error instanceof Error ? error.message : String(error);
      throw this.#failure("configuration", `its TLS or proxy settings are not usable: ${why}`, error);
    }
  }

  #failure(kind: DeliveryError["failure"], why: string, cause?: unknown): DeliveryError {
    return new DeliveryError(kind, `Cannot deliver to ${this.#target.label}: ${why}`, { cause });
  }
}

async function readPem(path: string, what: string): Promise<string> {
  const text = await Deno.readTextFile(path);
  if (!text.includes(`${what}-----`)) throw new TypeError(`${path} holds no PEM ${what.toLowerCase()}`);
  return text;
}

/** A proxy URL's credentials go where Deno wants them, apart from the URL. */
function proxyOf(text: string): Deno.Proxy {
  const url = new URL(text);
  const { username, password } = url;
  if (username === "") return { url: text };
  url.username = url.password = "";
  return {
    url: url.href,
    basicAuth: { username: decodeURIComponent(username), password: decodeURIComponent(password) },
  };
}
