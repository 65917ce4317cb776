/** What the worker of chDB and its owner say to each other. */

/** How a worker begins. */
export interface ChdbStart {
  readonly kind: "start";
  readonly libraryPath: string;
  readonly directory: string;
  /** Statements executed before any other. */
  readonly prelude: readonly string[];
}

/** What a worker is asked; it answers in the order of the questions. */
export type ChdbRequest =
  | {
    readonly kind: "execute";
    readonly id: number;
    /** Executed one after the other; the answer is the last one's. */
    readonly statements: readonly string[];
    /** Executed behind them, whatever becomes of them. */
    readonly after: readonly string[];
    readonly format: string;
    readonly maxBytes: number;
  }
  | {
    readonly kind: "insert";
    readonly id: number;
    readonly block: Uint8Array<ArrayBuffer>;
    /** The statement before and behind the name of the block's file. */
    readonly before: string;
    readonly behind: string;
  }
  | { readonly kind: "close"; readonly id: number };

/** What a worker answers. */
export type ChdbReply =
  | { readonly kind: "done"; readonly id: number; readonly octets?: Uint8Array<ArrayBuffer> }
  | {
    readonly kind: "failed";
    readonly id: number;
    readonly reason: "unavailable" | "exception" | "too_long";
    readonly message: string;
  };

/** The answer to how a worker begins bears this number. */
export const START_ID = 0;
