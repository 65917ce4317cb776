/** chDB: ClickHouse as a library, by FFI. Its calls block, so that only workers make them. */

/**
 * The functions of `libchdb.so`, and those of libc that it is linked with: reading foreign memory by them goes on working
 * after the FFI permission is revoked, which Deno's own ways don't.
 */
const SYMBOLS = {
  chdb_set_signal_handlers_enabled: { parameters: ["i32"], result: "void" },
  chdb_connect: { parameters: ["i32", "buffer"], result: "pointer" },
  chdb_query_n: { parameters: ["pointer", "buffer", "usize", "buffer", "usize"], result: "pointer" },
  chdb_result_error: { parameters: ["pointer"], result: "pointer" },
  chdb_result_buffer: { parameters: ["pointer"], result: "pointer" },
  chdb_result_length: { parameters: ["pointer"], result: "usize" },
  chdb_destroy_query_result: { parameters: ["pointer"], result: "void" },
  chdb_close_conn: { parameters: ["pointer"], result: "void" },
  dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
  strlen: { parameters: ["pointer"], result: "usize" },
  copyFrom: { name: "memcpy", parameters: ["buffer", "pointer", "usize"], result: "pointer" },
  addressOf: { name: "memcpy", parameters: ["buffer", "buffer", "usize"], result: "usize" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type ChdbSymbols = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

const RTLD_NOW = 2, RTLD_NODELETE = 0x1000;

const encoder = new TextEncoder();

/** chDB can't be loaded, or its directory not be used. */
export class ChdbUnavailable extends Error {
  override readonly name = "ChdbUnavailable";
  readonly code = "flow.chdb_unavailable";
}

/** A statement that chDB refused; the message is its own, from `Code:` on. */
export class ChdbException extends Error {
  override readonly name = "ChdbException";
  readonly code = "flow.chdb";
}

/** An answer that is longer than was asked for. */
export class AnswerTooLong extends Error {
  override readonly name = "AnswerTooLong";
  readonly code = "flow.answer_too_long";
}

/**
 * One session. All sessions of a process share one directory; each has its own settings, and they work side by side in
 * threads of their own.
 */
export class ChdbSession {
  readonly #symbols: ChdbSymbols;
  /** What `chdb_connect` gave: the address of the connection's own address. */
  #handle: Deno.PointerObject | null;
  #connection: Deno.PointerObject;

  /**
   * @param path of `libchdb.so`
   * @param directory where tables are kept; it must exist
   * @throws {ChdbUnavailable}
   */
  constructor(path: string, directory: string) {
    try {
      this.#symbols = Deno.dlopen(path, SYMBOLS).symbols;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ChdbUnavailable(`Cannot load ${path}: ${why}; check flow.store.chdb_path`, { cause });
    }
    const symbols = this.#symbols;
    // Deno unloads a library with the worker that loaded it; threads of chDB's own would go on where nothing is any more.
    symbols.dlopen(encoder.encode(`${path}\0`), RTLD_NOW | RTLD_NODELETE);
    symbols.chdb_set_signal_handlers_enabled(0); // the process keeps its own
    const texts = ["clickhouse", `--path=${directory}`].map((text) => encoder.encode(`${text}\0`));
    const argv = new BigUint64Array(texts.map((text) => symbols.addressOf(text, text, 0n)));
    const handle = symbols.chdb_connect(texts.length, new Uint8Array(argv.buffer));
    if (handle === null) {
      throw new ChdbUnavailable(`Cannot use ${directory}: chDB does not open it; another process may have it open`);
    }
    this.#handle = handle;
    const address = new BigUint64Array(1);
    symbols.copyFrom(new Uint8Array(address.buffer), handle, 8n);
    const connection = Deno.UnsafePointer.create(address[0]!);
    if (connection === null) throw new ChdbUnavailable(`Cannot use ${directory}: chDB gives no connection`);
    this.#connection = connection;
  }

  /**
   * Executes a statement.
   *
   * @throws {ChdbException} when it is refused
   * @throws {AnswerTooLong}
   */
  query(statement: string, format = "TabSeparated", maxBytes: number = Infinity): Uint8Array<ArrayBuffer> {
    if (this.#handle === null) throw new ChdbUnavailable("Cannot execute a statement: chDB is closed");
    const symbols = this.#symbols;
    const text = encoder.encode(statement), form = encoder.encode(format);
    const result = symbols.chdb_query_n(this.#connection, text, BigInt(text.length), form, BigInt(form.length));
    if (result === null) throw new ChdbException("Code: 1001. chDB gave no result");
    try {
      const error = symbols.chdb_result_error(result);
      if (error !== null) throw new ChdbException(new TextDecoder().decode(this.#copy(error, symbols.strlen(error))));
      const length = symbols.chdb_result_length(result);
      if (length > maxBytes) throw new AnswerTooLong(`its answer has ${length} octets, more than ${maxBytes}`);
      const buffer = symbols.chdb_result_buffer(result);
      return buffer === null ? new Uint8Array(0) : this.#copy(buffer, length);
    } finally {
      symbols.chdb_destroy_query_result(result);
    }
  }

  /**
   * Stores a block of the Native format: it is read from memory that has a file's name. Behind the words of a statement, a
   * block would be cut at the first empty line that happens to be in it.
   *
   * @param statement makes the statement, given how the block is named in it
   * @throws {ChdbException} when it is refused
   */
  insert(block: Uint8Array<ArrayBuffer>, statement: (path: string) => string): void {
    const symbols = this.#symbols;
    const fd = symbols.memfd_create(encoder.encode("limier_rows\0"), 1); // MFD_CLOEXEC
    if (fd < 0) throw new ChdbUnavailable("Cannot store rows: the kernel gives no memory file");
    try {
      for (let at = 0; at < block.length;) {
        const rest = block.subarray(at);
        const written = Number(symbols.write(fd, rest, BigInt(rest.length)));
        if (written <= 0) throw new ChdbUnavailable("Cannot store rows: the memory file takes no more");
        at += written;
      }
      this.query(statement(`/proc/self/fd/${fd}`));
    } finally {
      symbols.close(fd);
    }
  }

  /** Ends the session; the last one to end lets go of the directory. Again is harmless. */
  close(): void {
    const handle = this.#handle;
    if (handle === null) return;
    this.#handle = null;
    this.#symbols.chdb_close_conn(handle);
  }

  #copy(from: Deno.PointerObject, length: bigint): Uint8Array<ArrayBuffer> {
    const octets = new Uint8Array(Number(length));
    if (octets.length > 0) this.#symbols.copyFrom(octets, from, length);
    return octets;
  }
}
