import type { Running } from "../../clock/mod.ts";
import type { Channel } from "./channel.ts";
import type { LagStore } from "./lag_store.ts";
import type { ReaderPositions } from "./positions.ts";
import type { StorageReply, StorageRequest } from "./request.ts";

/** A request on its way, with whom to answer. */
export interface Submitted {
  readonly request: StorageRequest;
  /** Called once, with nothing where what was asked for is not there; of requests that are not answered too. */
  readonly reply: (value: StorageReply | undefined) => void;
}

/** Where commits are kept: accepts all types of requests on its channel. */
export interface StorageModule extends Running {
  readonly name: string;
  readonly channel: Channel<Submitted>;
  /** What it keeps, for whoever feeds or reads it in bulk. */
  readonly store: LagStore;
  /** How far the offsets topics were read. */
  readonly positions: ReaderPositions;
}
