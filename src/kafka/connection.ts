import { Buffer } from "node:buffer";
import { type Identity, saslOptions } from "./authentication.ts";
import { ByteError, ByteReader } from "../bytes/mod.ts";
import { type Address, formatAddress } from "../config/mod.ts";
import { connectFailure, KafkaError } from "./errors.ts";
import { FrameGuard } from "./frame_guard.ts";
import { type Connection, type ConnectionOptions, loadLibrary } from "./library.ts";
import { DEFAULTS, type KafkaOptions, type KafkaTls, type PasswordSasl, type TokenSasl, userText } from "./options.ts";
import type { KafkaRequest, VersionRange } from "./request.ts";
import { apiVersionsRequest } from "./versions_wire.ts";

/** The library's own timeout, which leaves a connection unusable; ours closes it. */
const NEVER_MS = 2 ** 31 - 1;

const NOTHING = new Uint8Array(0);

/**
 * A session is not used in its last part, this share of it or this time: a request that reaches the broker after its end is
 * not executed, and the connection closed. Tokens are given up earlier, so that a new session finds a new one.
 */
const SESSION_MARGIN = { share: 0.2, mostMs: 60_000 };

/** How a broker is reached; where there are tokens, they are to be had. */
export type BrokerOptions = Omit<KafkaOptions, "sasl"> & { readonly sasl?: PasswordSasl | TokenSasl };

/** How a request is made. */
export interface RequestOptions {
  /** Ends the wait; the request may be executed all the same. */
  readonly signal?: AbortSignal;
  /** What the request asks the broker to wait, in milliseconds; added to the timeout. @default 0 */
  readonly brokerWaitsMs?: number;
}

/** One authenticated connection to one broker. Requests on it are answered one after another. */
export class BrokerConnection {
  /** `host:port` */
  readonly target: string;
  readonly #connection: Connection;
  readonly #options: BrokerOptions;
  readonly #Writer: Awaited<ReturnType<typeof loadLibrary>>["Writer"];
  #versions: ReadonlyMap<number, VersionRange> = new Map();
  /** What the socket told; with TLS 1.3, that the broker refuses our certificate. */
  #trouble: Error | undefined;
  /** Why it was closed, where that was us. */
  #fault: KafkaError | undefined;
  #closed = false;
  readonly #end = Promise.withResolvers<void>();
  /** On the monotonic clock. */
  #sessionEndMs = Infinity;
  /** It ends as soon as nothing is under way. */
  #isRetired = false;
  #underWay = 0;
  /** It has answered more than what it speaks. */
  #answered = false;

  private constructor(
    target: string,
    connection: Connection,
    options: BrokerOptions,
    writer: Awaited<ReturnType<typeof loadLibrary>>["Writer"],
  ) {
    this.target = target;
    this.#connection = connection;
    this.#options = options;
    this.#Writer = writer;
    connection.on("error", (error) => { // without a listener it would end the process
      this.#closed = true;
      this.#end.resolve();
      this.#trouble ??= error;
    });
    connection.on("close", () => {
      this.#closed = true;
      this.#end.resolve();
    });
  }

  /**
   * Connects, shows who we are and asks what the broker speaks.
   *
   * @throws {KafkaError} when that fails
   */
  static async open(address: Address, options: BrokerOptions): Promise<BrokerConnection> {
    const { sasl } = options;
    if (sasl === undefined || !("token" in sasl)) return await BrokerConnection.#open(address, options, sasl);
    const token = await sasl.token();
    try {
      return await BrokerConnection.#open(address, options, { mechanism: "OAUTHBEARER", token });
    } catch (error) {
      if (!(error instanceof KafkaError && error.code === "kafka.authentication")) throw error;
      // It may have been withdrawn, or signed with a key that has been.
      const another = await sasl.token(token);
      if (another === token) throw error;
      return await BrokerConnection.#open(address, options, { mechanism: "OAUTHBEARER", token: another });
    }
  }

  static async #open(
    address: Address,
    options: BrokerOptions,
    identity: Identity | undefined,
  ): Promise<BrokerConnection> {
    const library = await loadLibrary();
    const target = formatAddress(address);
    const user = userText(options.sasl);
    const connectTimeout = options.connectTimeoutMs ?? DEFAULTS.connectTimeoutMs;
    const told = {
      onSession: (lifetimeMs: number) => opened.#beginSession(lifetimeMs),
      onTokenRefused: (status: string) => {
        const why = `it refuses the token (${user}): it says ${status}; check the token's scopes, and the clocks`;
        opened.#fault = new KafkaError("kafka.authentication", `Cannot connect to Kafka broker ${target}: ${why}`);
      },
    };
    const connection = new library.Connection(options.clientId, {
      connectTimeout,
      requestTimeout: NEVER_MS,
      ...libraryTls(options.tls),
      ...(identity === undefined ? {} : { sasl: saslOptions(library, identity, told) }),
    });
    const opened = new BrokerConnection(target, connection, options, library.Writer);
    try {
      const connecting = connection.connect(address.hostname, address.port);
      opened.#guard(options.tls !== undefined);
      await connecting;
      const { error, ranges } = await opened.#send(apiVersionsRequest(), connectTimeout, undefined);
      if (error !== 0) throw new Error(`ApiVersions answers ${error}`);
      opened.#versions = ranges;
      return opened;
    } catch (error) {
      opened.close();
      const causes = new AggregateError([error, opened.#trouble].filter((one) => one !== undefined));
      throw opened.#fault ?? connectFailure(causes, target, user);
    }
  }

  /** False once it can't be used any more. */
  get isOpen(): boolean {
    return !this.#closed;
  }

  /** Whether the broker is about to forget who we are: another connection is to be made then, and this one retired. */
  get isSessionOver(): boolean {
    return this.#options.clock.monotonic() >= this.#sessionEndMs;
  }

  /** What the broker speaks of a request; `undefined` if it does not know it. */
  versions(api: number): VersionRange | undefined {
    return this.#versions.get(api);
  }

  /**
   * Sends a request and reads its answer.
   *
   * @throws {KafkaError} when there is none, or none that can be read; after a timeout the connection is closed
   */
  request<T>(request: KafkaRequest<T>, { signal, brokerWaitsMs = 0 }: RequestOptions = {}): Promise<T> {
    const range = this.#versions.get(request.api);
    if (range === undefined || request.version < range.min || request.version > range.max) {
      const speaks = range === undefined ? "not speak it at all" : `speak versions ${range.min} to ${range.max}`;
      return Promise.reject(
        new KafkaError(
          "kafka.unsupported",
          `Cannot ${request.what} at Kafka broker ${this.target}: it does ${speaks}, not version ${request.version}`,
        ),
      );
    }
    const timeoutMs = (this.#options.requestTimeoutMs ?? DEFAULTS.requestTimeoutMs) + brokerWaitsMs;
    return this.#send(request, timeoutMs, signal);
  }

  /** Closes it once what is under way is answered. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    if (this.#underWay === 0) this.close();
    await this.#end.promise;
  }

  /** Idempotent. Requests under way fail. */
  close(): void {
    this.#closed = true;
    this.#end.resolve();
    const { socket } = this.#connection;
    // Not the library's own close, which lets what is written drain first: a broker that hangs would hold it open.
    socket?.destroy();
  }

  #send<T>(request: KafkaRequest<T>, timeoutMs: number, signal: AbortSignal | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#underWay++;
    const settled = new AbortController();
    const fail = (code: "kafka.closed" | "kafka.timeout", why: string, cause?: unknown) =>
      reject(
        this.#fault ??
          new KafkaError(code, `Cannot ${request.what} at Kafka broker ${this.target}: ${why}`, { cause }),
      );
    if (signal?.aborted) fail("kafka.timeout", "there was no time left to begin");
    signal?.addEventListener("abort", () => fail("kafka.timeout", "there was no time left"), {
      once: true,
      signal: settled.signal,
    });
    this.#options.clock.sleep(timeoutMs, settled.signal).then(() => {
      if (settled.signal.aborted) return;
      fail("kafka.timeout", "there was no answer in time");
      this.close();
    });
    if (!signal?.aborted) {
      this.#connection.send(
        request.api,
        request.version,
        () => {
          const { body, silent = false } = request;
          const payload = this.#Writer.create().append(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
          payload.context.noResponse = silent;
          return payload;
        },
        (_correlation, _api, _version, reader) => reader.buffer.buffer,
        request.flexible ?? false,
        request.flexible ?? false,
        (error, answer) => {
          if (error !== null) {
            // Before it knows who we are, a broker answers but the question which requests it speaks.
            const isFirst = this.#versions.size > 0 && !this.#answered;
            const hint = isFirst && this.#options.sasl === undefined ? "; does it want SASL?" : "";
            return fail("kafka.closed", `the connection was closed${hint}`, error);
          }
          this.#answered ||= this.#versions.size > 0;
          try {
            resolve(request.silent ? undefined as T : request.read(new ByteReader(answer ?? NOTHING)));
          } catch (cause) {
            reject(cause instanceof ByteError ? this.#unreadable(request.what, cause) : cause);
          }
        },
      );
    }
    return promise.finally(() => {
      settled.abort();
      this.#underWay--;
      if (this.#isRetired && this.#underWay === 0) this.close();
    });
  }

  #beginSession(lifetimeMs: number): void {
    if (!(lifetimeMs > 0)) return;
    const marginMs = Math.min(lifetimeMs * SESSION_MARGIN.share, SESSION_MARGIN.mostMs);
    this.#sessionEndMs = this.#options.clock.monotonic() + lifetimeMs - marginMs;
  }

  #unreadable(what: string, cause: ByteError): KafkaError {
    const why = `its answer can't be read: ${cause.message}`;
    return new KafkaError("kafka.protocol", `Cannot ${what} at Kafka broker ${this.target}: ${why}`, { cause });
  }

  /** Looks at what comes in before the library buffers it. */
  #guard(isTls: boolean): void {
    const { socket } = this.#connection;
    const mostBytes = this.#options.maxResponseBytes ?? DEFAULTS.maxResponseBytes;
    const guard = new FrameGuard(mostBytes);
    socket.once(isTls ? "secureConnect" : "connect", () => {
      socket.prependListener("data", (chunk: Uint8Array) => {
        if (this.#fault !== undefined) return;
        if (!isTls && looksLikeTls(chunk)) return; // the library tells of it
        const size = guard.refused(chunk);
        if (size === undefined) return;
        this.#fault = new KafkaError(
          "kafka.protocol",
          `Cannot read from Kafka broker ${this.target}: it announces an answer of ${size} bytes, ${mostBytes} are taken`,
        );
        this.close();
      });
    });
  }
}

/** A TLS record: an alert, where plain text was expected. */
function looksLikeTls(chunk: Uint8Array): boolean {
  return chunk[0]! >= 0x14 && chunk[0]! <= 0x17 && chunk[1] === 3 && chunk[2]! <= 4;
}

function libraryTls(tls: KafkaTls | undefined): Pick<ConnectionOptions, "tls" | "tlsServerName"> {
  if (tls === undefined) return {};
  const { ca, cert, key, serverName, skipVerify = false } = tls;
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: !skipVerify,
    },
    ...(serverName === undefined ? {} : { tlsServerName: serverName }),
  };
}
