/** A ClickHouse server over HTTP: statements, and inserts of whole blocks. */
import { readAtMost } from "../../bytes/mod.ts";
import { fetchFailure } from "../../output/mod.ts";
import type { ClickhouseConfig, Compression } from "./config.ts";
import { compressBody } from "./body_compression.ts";
import {
  type InsertHead,
  MAX_ANSWER_BYTES,
  type ServerVersion,
  type Settings,
  type StatementOptions,
  type StoreEndpoint,
  StoreError,
  type StoreErrorOptions,
} from "./endpoint.ts";
import { exceptionError, isAboutData, readException, trailingException } from "./exception.ts";
import { rowBinaryOf } from "./native_block.ts";
import { readVersion, versionAtLeast } from "./server_version.ts";
import { quoteName } from "./sql.ts";

/** What the endpoint needs of its surroundings. */
export interface HttpEndpointDeps {
  readonly fetch: (url: string, init: RequestInit & { client?: Deno.HttpClient }) => Promise<Response>;
}

/** What of the settings it uses. */
export type HttpEndpointConfig = Pick<
  ClickhouseConfig,
  "database" | "username" | "password" | "tls" | "compression" | "maximumBatchSize" | "maximumWaitTimeMs"
>;

/** Errors of a server are read up to here. */
const MAX_ERROR_BYTES = 64 * 1024;

/** One request. */
interface Request {
  /** Begins messages: "Cannot store rows in 127.0.0.1:8123". */
  readonly what: string;
  readonly stage: "connect" | "send";
  readonly params: Readonly<Record<string, string | number>>;
  readonly body: Uint8Array<ArrayBuffer> | string;
  readonly encoding?: string;
  readonly early?: boolean;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Speaks to one server; see {@linkcode StoreEndpoint}. */
export class HttpEndpoint implements StoreEndpoint {
  readonly label: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #config: HttpEndpointConfig;
  readonly #deps: HttpEndpointDeps;
  #closing = new AbortController();
  #client: Deno.HttpClient | undefined;
  #isOpen = false;
  /** What the server last said of it. */
  #version: ServerVersion | undefined;
  /** The server has refused blocks and taken the same rows in this form. */
  #takesRowsOnly = false;

  /** @param server a whole URL, perhaps with a path and with credentials, which win over those of `config` */
  constructor(server: string, config: HttpEndpointConfig, deps: HttpEndpointDeps) {
    const url = new URL(server);
    this.label = `${url.hostname}:${url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port}`;
    this.#url = `${url.origin}${url.pathname.replace(/\/+$/, "")}/`;
    const isNamed = url.username !== "";
    this.#headers = {
      "X-ClickHouse-User": isNamed ? decodeURIComponent(url.username) : config.username,
      "X-ClickHouse-Key": isNamed ? decodeURIComponent(url.password) : config.password,
    };
    this.#config = config;
    this.#deps = deps;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async open(timeoutMs: number): Promise<ServerVersion> {
    if (this.#closing.signal.aborted) this.#closing = new AbortController();
    const closing = this.#closing.signal;
    const what = `Cannot use the ClickHouse server ${this.label}`;
    await this.#readCertificates(what, closing);
    const timeout = timeoutMs > 0 ? [AbortSignal.timeout(timeoutMs)] : [];
    const answer = await this.#send({
      what,
      stage: "connect",
      params: { default_format: "TabSeparated", wait_end_of_query: 1 },
      body: "SELECT version()",
      maxBytes: MAX_ERROR_BYTES,
      signal: AbortSignal.any([closing, ...timeout]),
    });
    const text = new TextDecoder().decode(answer).trim();
    const version = readVersion(text);
    if (version === undefined) {
      const why = `it answered ${JSON.stringify(text.slice(0, 80))} and no version; is it ClickHouse's HTTP port?`;
      throw new StoreError("configuration", `${what}: ${why}`, { stage: "ping" });
    }
    this.#isOpen = true;
    return this.#version = version;
  }

  async execute(statement: string, options: StatementOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { database = this.#config.database, early = false, signal } = options;
    return await this.#send({
      what: `Cannot execute a statement in ${this.label}`,
      stage: "send",
      params: {
        ...(database === "" ? {} : { database }),
        default_format: options.format ?? "TabSeparated",
        ...(early ? {} : { wait_end_of_query: 1 }),
        ...options.settings,
        ...(options.readOnly ? { readonly: 1 } : {}),
      },
      body: statement,
      early,
      maxBytes: options.maxBytes ?? MAX_ANSWER_BYTES,
      signal: AbortSignal.any([this.#closing.signal, ...signal === undefined ? [] : [signal]]),
    });
  }

  async insert(head: InsertHead, block: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    if (!this.#takesRowsOnly) {
      try {
        return await this.#insert(head, "Native", block, signal);
      } catch (error) {
        if (!(error instanceof StoreError) || !isAboutData(error.exceptionCode)) throw error;
        await this.#insert(head, "RowBinary", rowBinaryOf(block), signal);
        this.#takesRowsOnly = true;
        return;
      }
    }
    await this.#insert(head, "RowBinary", rowBinaryOf(block), signal);
  }

  close(): Promise<void> {
    this.#isOpen = false;
    this.#closing.abort();
    this.#client?.close();
    this.#client = undefined;
    return Promise.resolve();
  }

  async #insert(
    { table, columns, rows, token }: InsertHead,
    format: "Native" | "RowBinary",
    octets: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<void> {
    const what = `Cannot store ${rows} rows in ${this.label}`;
    const { body, encoding } = await compressBody(this.#compression(), octets);
    let summary: string | null = null;
    const answer = await this.#send({
      what,
      stage: "send",
      params: {
        database: this.#config.database,
        query: `INSERT INTO ${quoteName(table)} (${columns.map(quoteName).join(", ")}) FORMAT ${format}`,
        wait_end_of_query: 1,
        ...this.#insertSettings(rows, token),
      },
      body,
      ...(encoding === undefined ? {} : { encoding }),
      early: true, // whatever is in the answer of an insert is an exception
      maxBytes: MAX_ERROR_BYTES,
      signal: AbortSignal.any([this.#closing.signal, signal]),
    }, (headers) => summary = headers.get("x-clickhouse-summary"));
    if (answer.length > 0) {
      const text = new TextDecoder().decode(answer.subarray(0, 200)).trim();
      throw new StoreError("retry", `${what}: it answered ${JSON.stringify(text)}`, { stage: "send" });
    }
    // Of rows that it had already the server says 0, of those that views have stored besides it says more.
    const written = writtenRows(summary);
    if (written !== undefined && written > 0 && written < rows) {
      throw new StoreError("retry", `${what}: it says that it stored ${written}`, { stage: "send" });
    }
  }

  #compression(): Compression {
    const { compression } = this.#config;
    const isOld = this.#version !== undefined && !versionAtLeast(this.#version, [20]);
    return isOld && compression !== "none" ? "gzip" : compression; // zstd and lz4 are not understood there
  }

  #insertSettings(rows: number, token: string | undefined): Settings {
    const version = this.#version;
    if (version === undefined || !versionAtLeast(version, [22, 4])) return {}; // unknown settings are errors
    if (token !== undefined) {
      return {
        async_insert: 0,
        insert_deduplication_token: token,
        deduplicate_blocks_in_dependent_materialized_views: 1,
      };
    }
    // Two blocks that are alike and not named are two blocks.
    if (rows > this.#config.maximumBatchSize / 10) return { insert_deduplicate: 0 };
    const wait = versionAtLeast(version, [24, 3]) ? "async_insert_busy_timeout_max_ms" : "async_insert_busy_timeout_ms";
    return { async_insert: 1, wait_for_async_insert: 1, [wait]: this.#config.maximumWaitTimeMs };
  }

  async #send(request: Request, onHeaders?: (headers: Headers) => void): Promise<Uint8Array<ArrayBuffer>> {
    const { what, stage, signal } = request;
    const fail = (kind: StoreError["failure"], why: string, options: StoreErrorOptions = {}) => {
      if (kind === "connection" || kind === "ambiguous") this.#isOpen = false;
      return new StoreError(kind, `${what}: ${why}`, { stage, ...options });
    };
    if (signal.aborted) throw fail("connection", "there was no time left to begin");
    const params = new URLSearchParams(Object.entries(request.params).map(([name, value]) => [name, String(value)]));
    let response: Response;
    try {
      response = await this.#deps.fetch(`${this.#url}?${params}`, {
        method: "POST",
        headers: {
          ...this.#headers,
          "Content-Type": typeof request.body === "string" ? "text/plain; charset=utf-8" : "application/octet-stream",
          ...(request.encoding === undefined ? {} : { "Content-Encoding": request.encoding }),
        },
        body: request.body,
        redirect: "manual",
        signal,
        ...(this.#client === undefined ? {} : { client: this.#client }),
      });
    } catch (error) {
      const { failure, message } = fetchFailure(error, this.label, signal.aborted);
      throw fail(failure, message.replace(/^Cannot deliver to [^ ]+: /, ""));
    }
    const { status, headers } = response;
    const isAnswer = status === 200 && !headers.has("x-clickhouse-exception-code");
    const most = isAnswer ? request.maxBytes : MAX_ERROR_BYTES;
    const { bytes: body, isCut } = await readAtMost(response.body, most).catch(() => {
      // The reader's own error says no more than this, and may quote the URL.
      throw fail("ambiguous", "its answer broke off");
    });
    const errorStage = stage === "connect" ? "ping" : stage;
    if (isAnswer) {
      const tag = headers.get("x-clickhouse-exception-tag") ?? undefined;
      const exception = request.early || tag !== undefined ? trailingException(body, tag) : undefined;
      if (exception !== undefined) throw exceptionError(what, exception, { stage: errorStage, status });
      if (isCut) {
        const why = `its answer is longer than ${request.maxBytes} octets; ask for less, with LIMIT for example`;
        throw fail("permanent", why, { status });
      }
      onHeaders?.(headers);
      return body;
    }
    const text = new TextDecoder().decode(body);
    const said = readException(text);
    if (said !== undefined) throw exceptionError(what, said, { stage: errorStage, status });
    const numbered = Number(headers.get("x-clickhouse-exception-code"));
    if (numbered > 0) {
      throw exceptionError(what, { code: numbered, text: `Code: ${numbered}. ${text.trim()}` }, {
        stage: errorStage,
        status,
      });
    }
    throw fail(
      failureOfStatus(status),
      `it answered ${status}${text.trim() === "" ? "" : `: ${text.trim().slice(0, 200)}`}`,
      {
        stage: errorStage,
        status,
        ...retryAfter(headers),
      },
    );
  }

  async #readCertificates(what: string, closed: AbortSignal): Promise<void> {
    const { caFile, certFile, keyFile } = this.#config.tls;
    if (this.#client !== undefined || (caFile === undefined && certFile === undefined)) return;
    try {
      const [ca, cert, key] = await Promise.all(
        [caFile, certFile, keyFile].map((path) => path === undefined ? undefined : Deno.readTextFile(path)),
      );
      if (closed.aborted) return; // nothing is opened that nobody would close
      this.#client = Deno.createHttpClient({
        ...(ca === undefined ? {} : { caCerts: [ca] }),
        ...(cert === undefined || key === undefined ? {} : { cert, key }),
      });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError("configuration", `${what}: its certificates are not usable: ${why}`, {
        cause,
        stage: "connect",
      });
    }
  }
}

function failureOfStatus(status: number): StoreError["failure"] {
  if (status === 429) return "throttle";
  return status >= 500 || status === 408 ? "retry" : "configuration";
}

function retryAfter(headers: Headers): StoreErrorOptions {
  const text = headers.get("retry-after") ?? "";
  return /^\d{1,5}$/.test(text) ? { retryAfterMs: Number(text) * 1000 } : {};
}

function writtenRows(summary: string | null): number | undefined {
  const written = /"written_rows"\s*:\s*"?(\d+)/.exec(summary ?? "");
  return written === null ? undefined : Number(written[1]);
}
