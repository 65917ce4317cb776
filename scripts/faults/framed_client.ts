/**
 * A destination whose protocol answers event by event, over TCP: what no HTTP destination can be made to do wrong. A send is a
 * line `{"send":NUMBER,"bytes":LENGTH}` and the events behind it, a line each. The receiver answers in lines: how many it has
 * taken so far (`{"send":NUMBER,"taken":COUNT}`, as often as it likes) and in the end what became of each
 * (`{"send":NUMBER,"statuses":[200,…]}`).
 */
import { type Batch, batchBytes, pickEvents } from "../../src/metric/mod.ts";
import {
  type AsyncClient,
  DeliveryError,
  type Destination,
  type DestinationClient,
  type PublishResult,
  type Rejection,
  type SendReports,
  temporaryBulkFailure,
} from "../../src/output/mod.ts";

interface Outstanding {
  readonly batch: Batch;
  readonly reports: SendReports;
}

/** A connection to a {@linkcode FramedPeer}, of either contract. */
export class FramedClient implements DestinationClient, AsyncClient {
  readonly #hostname: string;
  readonly #port: number;
  readonly #outstanding = new Map<number, Outstanding>();
  /** Sends that were given up: their answers may come late, and are of no use. */
  readonly #abandoned = new Set<number>();
  #connection: Deno.TcpConn | undefined;
  #sends = 0;
  #writing: Promise<unknown> = Promise.resolve();

  /** @param host `address:port` */
  constructor(host: string, readonly concurrency: number) {
    const colon = host.lastIndexOf(":");
    this.#hostname = host.slice(0, colon);
    this.#port = Number(host.slice(colon + 1));
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  async connect(): Promise<void> {
    if (this.#connection !== undefined) return;
    let connection: Deno.TcpConn;
    try {
      connection = await Deno.connect({ hostname: this.#hostname, port: this.#port });
    } catch {
      throw new DeliveryError("connection", "Cannot deliver: the connection was refused");
    }
    this.#connection = connection;
    void this.#read(connection);
  }

  publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    return new Promise((resolve) => {
      const progress = (taken: number) => {
        if (taken > batch.ends.length && this.#connection !== undefined) this.#lose(this.#connection);
      };
      const refused = this.send(batch, { progress, done: resolve }, signal);
      if (refused !== undefined) resolve({ remaining: batch, error: refused });
    });
  }

  send(batch: Batch, reports: SendReports, signal: AbortSignal): DeliveryError | undefined {
    const connection = this.#connection;
    if (connection === undefined) return new DeliveryError("connection", "Cannot deliver: there is no connection");
    const number = ++this.#sends;
    this.#outstanding.set(number, { batch, reports });
    signal.addEventListener("abort", () => {
      if (this.#outstanding.has(number)) this.#abandoned.add(number);
      this.#end(number, { remaining: batch, error: ambiguous("there was no answer in time") });
    }, { once: true });
    const events = batchBytes(batch, "", "\n", "\n");
    const head = new TextEncoder().encode(`{"send":${number},"bytes":${events.length}}\n`);
    const whole = new Uint8Array(head.length + events.length); // in one write, which no delayed acknowledgement holds up
    whole.set(head);
    whole.set(events, head.length);
    this.#writing = this.#writing.then(() => writeAll(connection, whole)).catch(() => this.#lose(connection)); // not seen by the reader yet
    return undefined;
  }

  close(): Promise<void> {
    if (this.#connection !== undefined) this.#lose(this.#connection);
    return Promise.resolve();
  }

  async #read(connection: Deno.TcpConn): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    const bytes = new Uint8Array(65_536);
    try {
      for (let read; (read = await connection.read(bytes)) !== null;) {
        text += decoder.decode(bytes.subarray(0, read), { stream: true });
        const lines = text.split("\n");
        text = lines.pop()!;
        for (const line of lines) if (!this.#answer(line)) return this.#lose(connection);
      }
    } catch {
      // The connection was reset, or closed from here: lost either way.
    }
    this.#lose(connection);
  }

  /** @returns false when it is no answer */
  #answer(line: string): boolean {
    let answer: { send?: number; taken?: number; statuses?: number[] };
    try {
      answer = JSON.parse(line);
    } catch {
      return false; // garbage: whatever is outstanding may have been executed
    }
    const outstanding = this.#outstanding.get(answer.send ?? 0);
    if (outstanding === undefined) return this.#abandoned.has(answer.send ?? 0); // else it answers for nothing outstanding
    if (answer.taken !== undefined) outstanding.reports.progress(answer.taken);
    else if (Array.isArray(answer.statuses)) this.#end(answer.send!, resultOf(outstanding.batch, answer.statuses));
    else return false;
    return true;
  }

  #end(number: number, result: PublishResult): void {
    const outstanding = this.#outstanding.get(number);
    if (!this.#outstanding.delete(number)) return;
    outstanding!.reports.done(result);
  }

  #lose(connection: Deno.TcpConn): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#writing = Promise.resolve();
    try {
      connection.close();
    } catch {
      // It was closed before.
    }
    for (const [number, { batch }] of [...this.#outstanding]) {
      this.#end(number, { remaining: batch, error: ambiguous("the connection broke before an answer came") });
    }
  }
}

/** What the statuses of a batch's events mean; those that are missing are unknown. */
function resultOf(batch: Batch, statuses: readonly number[]): PublishResult {
  const count = batch.ends.length;
  if (statuses.length > count) {
    return { remaining: batch, error: ambiguous("it answers for more events than there were") };
  }
  const again: number[] = [];
  const rejections = new Map<number, number>();
  let duplicate = 0;
  for (let i = 0; i < count; i++) {
    const status = statuses[i];
    if (status === undefined || status === 429 || status >= 500) again.push(i);
    else if (status === 409) duplicate++;
    else if (status >= 300) rejections.set(status, (rejections.get(status) ?? 0) + 1);
  }
  const rejected: Rejection[] = Array.from(rejections, ([status, count]) => ({ reason: String(status), count }));
  if (again.length === 0) return { remaining: null, rejected, duplicate };
  const error = statuses.length < count
    ? ambiguous("its answer is not whole")
    : temporaryBulkFailure("Cannot deliver some events: they are wanted again");
  return { remaining: pickEvents(batch, again), rejected, duplicate, error };
}

function ambiguous(why: string): DeliveryError {
  return new DeliveryError("ambiguous", `Cannot deliver: ${why}`);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
}

/** The destination as outputs know it. @param wrap what a client is put into, to misbehave */
export function framedDestination(
  concurrency: number,
  wrap: (client: FramedClient) => DestinationClient = (client) => client,
): Destination<unknown> {
  return {
    kind: "framed",
    sends: ["points"],
    defaultHosts: [],
    keys: [],
    readConfig: () => ({}),
    newEncoder: () => ({}),
    newClient: (host) => wrap(new FramedClient(host, concurrency)),
  };
}
