import type { Clock } from "../../clock/mod.ts";
import { type Batch, batchBytes, sliceBatch } from "../../metric/mod.ts";
import type { ClientDeps, DestinationClient, PublishResult } from "../contract.ts";
import { reasonOf, repeaterFailure, targetOf } from "./repeater_target.ts";

/** Lines written at once. */
const LINES_A_WRITE = 200;

/** How long a receiver may take to close its side, which shows that it has read everything; not all do. */
const FAREWELL_MS = 1_000;

/** One connection for each publish: a new one finds the receiver's new address, and its end says that all was read. */
export class TcpRepeater implements DestinationClient {
  readonly #host: string;
  readonly #clock: Clock;
  #connection: Deno.TcpConn | undefined;
  /** Ends a connect under way. */
  #opening: AbortController | undefined;

  /** @param host `host:port` */
  constructor(host: string, { clock }: Pick<ClientDeps, "clock">) {
    this.#host = host;
    this.#clock = clock;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  async connect(timeoutMs: number): Promise<void> {
    if (this.#connection !== undefined) return;
    const late = this.#opening = new AbortController();
    const done = new AbortController();
    if (timeoutMs > 0) this.#clock.sleep(timeoutMs, done.signal).then(() => done.signal.aborted || late.abort());
    let connection: Deno.TcpConn;
    try {
      connection = await Deno.connect({ ...targetOf(this.#host), signal: late.signal });
    } catch (cause) {
      const why = late.signal.aborted ? "no connection could be made in time" : reasonOf(cause);
      throw repeaterFailure("connection", this.#host, why, cause);
    } finally {
      done.abort();
    }
    this.#connection = connection;
    if (!late.signal.aborted) return;
    this.#hangUp(connection);
    throw repeaterFailure("connection", this.#host, "it was closed while it was opened");
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    const connection = this.#connection;
    if (connection === undefined) {
      return { remaining: batch, error: repeaterFailure("connection", this.#host, "there is no connection") };
    }
    const end = () => this.#hangUp(connection);
    if (signal.aborted) {
      end();
      return { remaining: batch, error: repeaterFailure("connection", this.#host, "there was no time left to begin") };
    }
    signal.addEventListener("abort", end, { once: true });
    try {
      for (let from = 0; from < batch.ends.length; from += LINES_A_WRITE) {
        await writeAll(connection, batchBytes(sliceBatch(batch, from, from + LINES_A_WRITE), "", "\n", "\n"));
      }
      await connection.closeWrite();
      await this.#farewell(connection);
      return { remaining: null };
    } catch (cause) {
      // Of what was written before, nobody can say how much was read.
      const why = signal.aborted ? "there was no time left" : reasonOf(cause);
      return { remaining: batch, error: repeaterFailure("ambiguous", this.#host, why, cause) };
    } finally {
      signal.removeEventListener("abort", end);
      end();
    }
  }

  close(): Promise<void> {
    this.#opening?.abort();
    if (this.#connection !== undefined) this.#hangUp(this.#connection);
    return Promise.resolve();
  }

  /** Waits for the receiver to close. @throws when it resets the connection, and what was sent with it */
  async #farewell(connection: Deno.TcpConn): Promise<void> {
    const over = new AbortController();
    const chunk = new Uint8Array(4_096);
    let waiting = true;
    const closed = (async () => {
      while (waiting && await connection.read(chunk) !== null); // what it has to say is of no interest
    })();
    closed.catch(() => {}); // after the wait is over, nobody asks any more
    try {
      await Promise.race([closed, this.#clock.sleep(FAREWELL_MS, over.signal)]);
    } finally {
      waiting = false;
      over.abort();
    }
  }

  #hangUp(connection: Deno.TcpConn): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    connection.close();
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
