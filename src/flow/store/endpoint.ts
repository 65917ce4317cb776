/** One place where statements are executed: a ClickHouse server, or chDB in the process. */
import type { DeliveryFailure } from "../../output/mod.ts";

/** How a statement is to be executed. */
export interface StatementOptions {
  /** The format of an answer, where the statement names none. @default "TabSeparated" */
  readonly format?: string;
  /** Settings of the server for this statement. */
  readonly settings?: Settings;
  /** Statements that change anything are refused. @default false */
  readonly readOnly?: boolean;
  /** The most octets of an answer; a longer one is an error. @default 64 MiB */
  readonly maxBytes?: number;
  /** The server begins to answer before it is done, so that an error may come behind a part of the answer. @default false */
  readonly early?: boolean;
  /** The database that names are looked up in; "" for the server's own. @default the configured one */
  readonly database?: string;
  /** Gives the statement up. */
  readonly signal?: AbortSignal;
}

/** Settings of the server by name. */
export type Settings = Readonly<Record<string, string | number>>;

/** What goes with a block of rows. */
export interface InsertHead {
  readonly table: string;
  /** The block's columns in its order. */
  readonly columns: readonly string[];
  readonly rows: number;
  /** Names the block, so that a server that has stored it does not do so again. */
  readonly token?: string;
}

/** Answers of a statement are at most this long unless told otherwise. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Executes statements and inserts; several may be under way at once. */
export interface StoreEndpoint {
  /** `host:port`, or `chdb`. */
  readonly label: string;
  /** False after it could not be reached, until it is opened again. */
  readonly isOpen: boolean;
  /**
   * Looks whether it can be used; what it says of its version. Safe when open.
   *
   * @throws {StoreError}
   */
  open(timeoutMs: number): Promise<ServerVersion>;
  /** Executes one statement. @throws {StoreError} */
  execute(statement: string, options?: StatementOptions): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Stores a block in the Native format: all of its rows, or none of them.
   *
   * @throws {StoreError}
   */
  insert(head: InsertHead, block: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void>;
  /** Idempotent. What is under way ends with an error, or is waited for. */
  close(): Promise<void>;
}

/** A version such as 22.4.5.9, its numbers apart. */
export type ServerVersion = readonly number[];

/** What went wrong with a statement or an insert. */
export interface StoreErrorOptions {
  readonly cause?: unknown;
  /** ClickHouse's own number of what went wrong. */
  readonly exceptionCode?: number;
  /** What the server said, from `Code:` on. */
  readonly exception?: string;
  /** What was under way. @default "send" */
  readonly stage?: "connect" | "ping" | "send";
  readonly status?: number;
  readonly retryAfterMs?: number;
}

/** A statement or an insert that was not executed, or not known to be. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code = "flow.store";

  /**
   * @param failure what to do about it
   * @param message what could not be done, and where
   */
  constructor(readonly failure: DeliveryFailure, message: string, readonly options: StoreErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
  }

  /** ClickHouse's own number of what went wrong, where it said one. */
  get exceptionCode(): number | undefined {
    return this.options.exceptionCode;
  }
}
