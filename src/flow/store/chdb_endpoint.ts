/** chDB as the store: one worker that writes, and one that only reads, each with a session of its own. */
import {
  type InsertHead,
  MAX_ANSWER_BYTES,
  type ServerVersion,
  type Settings,
  type StatementOptions,
  type StoreEndpoint,
  StoreError,
} from "./endpoint.ts";
import { type ChdbReply, type ChdbRequest, type ChdbStart, START_ID } from "./chdb_messages.ts";
import { exceptionError, readException } from "./exception.ts";
import { readVersion } from "./server_version.ts";
import { quoteName, quoteText } from "./sql.ts";

/** The longest that a statement of somebody who only reads may take. */
const READ_SECONDS = 60;

/** What it is opened with. */
export interface ChdbConfig {
  /** Path of `libchdb.so`. */
  readonly libraryPath: string;
  /** Where tables are kept; it is made if it is not there. */
  readonly directory: string;
  readonly database: string;
}

type Distribute<T> = T extends unknown ? Omit<T, "id"> : never;

/** One worker, and what it was asked and has not answered yet. */
class ChdbWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (reply: ChdbReply) => void>();
  #lastId = START_ID;
  #broken: string | undefined;

  constructor() {
    this.#worker = new Worker(new URL("./chdb_worker.ts", import.meta.url), { type: "module", name: "chdb" });
    this.#worker.onmessage = ({ data }: MessageEvent<ChdbReply>) => {
      const told = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      told?.(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#broken = event.message;
      for (const [id, told] of this.#waiting) {
        told({ kind: "failed", id, reason: "unavailable", message: event.message });
      }
      this.#waiting.clear();
    };
  }

  start(start: ChdbStart): Promise<ChdbReply> {
    return this.#post(START_ID, start, []);
  }

  ask(request: Distribute<ChdbRequest>, transfer: Transferable[] = []): Promise<ChdbReply> {
    const id = ++this.#lastId;
    return this.#post(id, { ...request, id }, transfer);
  }

  /** What is under way is waited for: a call into the library can't be broken off. */
  async close(): Promise<void> {
    await this.ask({ kind: "close" });
    this.#worker.terminate();
  }

  #post(id: number, message: ChdbStart | ChdbRequest, transfer: Transferable[]): Promise<ChdbReply> {
    if (this.#broken !== undefined) {
      return Promise.resolve({ kind: "failed", id, reason: "unavailable", message: this.#broken });
    }
    const { promise, resolve } = Promise.withResolvers<ChdbReply>();
    this.#waiting.set(id, resolve);
    this.#worker.postMessage(message, transfer);
    return promise;
  }
}

/** The library in the process; see {@linkcode StoreEndpoint}. It must be closed before the process ends. */
export class ChdbEndpoint implements StoreEndpoint {
  readonly label = "chdb";
  readonly #config: ChdbConfig;
  #writer: Promise<ChdbWorker> | undefined;
  #reader: Promise<ChdbWorker> | undefined;
  #version: ServerVersion | undefined;

  constructor(config: ChdbConfig) {
    this.#config = config;
  }

  get isOpen(): boolean {
    return this.#version !== undefined;
  }

  async open(_timeoutMs: number): Promise<ServerVersion> {
    if (this.#version !== undefined) return this.#version;
    await this.#openReader(); // now, for later the process may be allowed no more to load anything
    const text = new TextDecoder().decode(await this.execute("SELECT version()", { database: "" })).trim();
    const version = readVersion(text);
    if (version === undefined) throw new StoreError("configuration", `Cannot use chDB: it says its version is ${text}`);
    return this.#version = version;
  }

  async execute(statement: string, options: StatementOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { readOnly = false, format = "TabSeparated", maxBytes = MAX_ANSWER_BYTES, settings = {}, signal } = options;
    const what = "Cannot execute a statement in chDB";
    const worker = await (readOnly ? this.#openReader() : this.#openWriter());
    // A session keeps its settings: those of this statement are taken back behind it. One that only reads can't change them.
    const names = readOnly ? [] : Object.keys(settings);
    const answered = worker.ask({
      kind: "execute",
      statements: [...setStatements(readOnly ? {} : settings), ...this.#use(options.database), statement],
      after: names.length === 0 ? [] : [`SET ${names.map((name) => `${name} = DEFAULT`).join(", ")}`],
      format,
      maxBytes,
    });
    const reply = await (signal === undefined ? answered : orAborted(answered, signal, what));
    if (reply.kind === "failed") throw failed(what, reply);
    return reply.octets ?? new Uint8Array(0);
  }

  async insert(head: InsertHead, block: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    const { table, columns, rows, token } = head;
    const what = `Cannot store ${rows} rows in chDB`;
    if (signal.aborted) throw new StoreError("connection", `${what}: there was no time left to begin`);
    const writer = await this.#openWriter();
    const names = columns.map(quoteName).join(", ");
    const settings = token === undefined
      ? "insert_deduplicate = 0"
      : `insert_deduplication_token = ${quoteText(token)}, deduplicate_blocks_in_dependent_materialized_views = 1`;
    const own = block.slice(); // the caller's may have to be sent again
    // An insert under way is waited for: it ends by itself, and what becomes of it is then known.
    const reply = await writer.ask({
      kind: "insert",
      block: own,
      before: `INSERT INTO ${quoteName(this.#config.database)}.${quoteName(table)} (${names}) SETTINGS ${settings} ` +
        `SELECT ${names} FROM file('`,
      behind: "', Native)",
    }, [own.buffer]);
    if (reply.kind === "failed") throw failed(what, reply);
  }

  async close(): Promise<void> {
    const workers = [this.#reader, this.#writer];
    this.#reader = this.#writer = this.#version = undefined;
    for (const worker of workers) {
      // One that could not be opened has told those who asked; there is nothing to close.
      await (await worker?.catch(() => undefined))?.close();
    }
  }

  #use(database: string = this.#config.database): string[] {
    return database === "" ? [] : [`USE ${quoteName(database)}`];
  }

  #openWriter(): Promise<ChdbWorker> {
    return this.#writer ??= this.#start([]).catch((error) => {
      this.#writer = undefined;
      throw error;
    });
  }

  async #openReader(): Promise<ChdbWorker> {
    await this.#openWriter(); // which makes the directory
    return await (this.#reader ??= this.#start([`SET max_execution_time = ${READ_SECONDS}`, "SET readonly = 1"])
      .catch((error) => {
        this.#reader = undefined;
        throw error;
      }));
  }

  async #start(prelude: readonly string[]): Promise<ChdbWorker> {
    const { libraryPath, directory } = this.#config;
    const what = "Cannot open chDB";
    try {
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError("configuration", `${what}: ${why}; check flow.store.directory`, { cause, stage: "connect" });
    }
    const worker = new ChdbWorker();
    const reply = await worker.start({ kind: "start", libraryPath, directory, prelude });
    if (reply.kind === "done") return worker;
    await worker.close();
    throw failed(what, reply, "connect");
  }
}

function setStatements(settings: Settings): string[] {
  const list = Object.entries(settings).map(([name, value]) =>
    `${name} = ${typeof value === "number" ? value : quoteText(value)}`
  );
  return list.length === 0 ? [] : [`SET ${list.join(", ")}`];
}

function failed(
  what: string,
  { reason, message }: ChdbReply & { kind: "failed" },
  stage: "connect" | "send" = "send",
): StoreError {
  const exception = reason === "exception" ? readException(message) : undefined;
  if (exception !== undefined) return exceptionError(what, exception, { stage });
  if (reason === "too_long") {
    return new StoreError("permanent", `${what}: ${message}; ask for less, with LIMIT for example`);
  }
  return new StoreError("configuration", `${what}: ${message}`, { stage });
}

/** The answer, or an error once nobody waits for it any more; the library goes on by itself. */
async function orAborted<T>(answer: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new StoreError("ambiguous", `${what}: there was no answer in time`));
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
