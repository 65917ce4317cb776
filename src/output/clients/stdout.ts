import type { Section } from "../../config/mod.ts";
import { type Batch, batchBytes, eventBytes } from "../../metric/mod.ts";
import {
  type ClientDeps,
  DeliveryError,
  type Destination,
  type DestinationClient,
  type PublishResult,
} from "../contract.ts";
import { lineEncoder } from "../lines.ts";
import { tableText } from "../table.ts";

/** The keys of `kind: stdout`. */
export interface StdoutConfig {
  /** `json`: a JSON object a line; `table`: columns for a person. */
  readonly format: "json" | "table";
}

/** Writes some of `bytes` and says how many, as `Deno.stdout.write` does. */
export type Write = (bytes: Uint8Array) => Promise<number>;

/** Prints batches. Once nobody reads any more, it says so and rejects what comes. */
export class StdoutClient implements DestinationClient {
  #broken = false;

  constructor(readonly own: StdoutConfig, readonly deps: Pick<ClientDeps, "reporter">, readonly write: Write) {}

  readonly isConnected = true;

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async publish(batch: Batch): Promise<PublishResult> {
    if (this.#broken) return refused(batch, goneFor());
    if (batch.ends.length === 0) return { remaining: null };
    const bytes = this.own.format === "json" ? batchBytes(batch, "", "\n", "\n") : tableBytes(batch);
    try {
      for (let at = 0; at < bytes.length;) at += await this.write(bytes.subarray(at));
      return { remaining: null };
    } catch (cause) {
      this.#broken = true;
      const error = goneFor(cause);
      this.deps.reporter.warn(error.message);
      return refused(batch, error);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Nothing will ever read these events, and what was printed of them can't be told. */
function refused(batch: Batch, error: DeliveryError): PublishResult {
  return { remaining: null, rejected: [{ reason: "broken_pipe", count: batch.ends.length }], error };
}

function goneFor(cause?: unknown): DeliveryError {
  const why = cause === undefined || cause instanceof Deno.errors.BrokenPipe
    ? "nobody reads it any more"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new DeliveryError("permanent", `Cannot write to standard output: ${why}`, {
    cause,
    label: "io",
    reported: true,
  });
}

function tableBytes(batch: Batch): Uint8Array {
  const text = new TextDecoder();
  const lines = Array.from(batch.ends, (_, i) => text.decode(eventBytes(batch, i)));
  return new TextEncoder().encode(tableText(lines, batch.timestamp));
}

/** Standard output: a table on a terminal, JSON lines elsewhere. */
export const stdout: Destination<StdoutConfig> = {
  kind: "stdout",
  sends: ["points", "events", "checks"],
  defaultHosts: null,
  keys: ["format"],
  readConfig: (section: Section) => ({
    format: section.oneOf("format", ["json", "table"]) ?? (Deno.stdout.isTerminal() ? "table" : "json"),
  }),
  newEncoder: () => lineEncoder,
  newClient: (_host, _config, own, deps) => new StdoutClient(own, deps, (bytes) => Deno.stdout.write(bytes)),
};
