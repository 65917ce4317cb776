import type { Clock } from "../../clock/mod.ts";
import { type Batch, eventBytes, sliceBatch } from "../../metric/mod.ts";
import { DeliveryError, type DestinationClient, type PublishResult } from "../contract.ts";
import type { AsyncClient, SendReports } from "./async_client.ts";
import { asDeliveryError } from "./failures.ts";

/** What a scripted client does. Calls are counted from 0. For tests. */
export interface Script {
  /** Why the connect fails. */
  readonly connect?: (call: number) => DeliveryError | undefined | Promise<DeliveryError | undefined>;
  /** @default everything is taken */
  readonly publish?: (batch: Batch, call: number, signal: AbortSignal) => PublishResult | Promise<PublishResult>;
  /** Why an asynchronous send does not begin. */
  readonly call?: (call: number) => DeliveryError | undefined;
  /** Reports of an asynchronous send besides the first one, which `publish` gives. */
  readonly again?: (batch: Batch, reports: SendReports, call: number) => void;
  /** `never` says that it is not connected whatever happens. @default "later" */
  readonly connected?: "at_first" | "later" | "never";
  readonly closing?: () => Promise<void>;
  /** A publish goes on when the connection is closed. @default false */
  readonly stubborn?: boolean;
}

/** One publish that a client was asked for. */
export interface SeenSend {
  readonly host: string;
  readonly atMs: number;
  readonly events: readonly string[];
}

/** What reached the destination, and every call on the way there. For tests. */
export class Sink {
  readonly sends: SeenSend[] = [];
  readonly connects: { readonly host: string; readonly atMs: number }[] = [];
  /** Every event taken, in order, with its host. */
  readonly taken: { readonly host: string; readonly event: string }[] = [];
  readonly closes: string[] = [];
  /** Connections open at this moment, and the most there ever were. */
  open = 0;
  mostOpen = 0;

  /** The events taken, in order. */
  get events(): string[] {
    return this.taken.map(({ event }) => event);
  }
}

/** A client that does what it is told, in either contract. For tests. */
export class ScriptedClient implements DestinationClient, AsyncClient {
  readonly #host: string;
  readonly #script: Script;
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #closed = new Set<() => void>();
  #connects = 0;
  #sends = 0;
  #open: boolean;

  constructor(host: string, script: Script, sink: Sink, clock: Clock) {
    this.#host = host;
    this.#script = script;
    this.#sink = sink;
    this.#clock = clock;
    this.#open = false;
    if (script.connected === "at_first") this.#setOpen(true);
  }

  get isConnected(): boolean {
    return this.#open && this.#script.connected !== "never";
  }

  async connect(_timeoutMs: number): Promise<void> {
    this.#sink.connects.push({ host: this.#host, atMs: this.#clock.monotonic() });
    const error = await this.#script.connect?.(this.#connects++);
    if (error !== undefined) throw error;
    this.#setOpen(true);
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    this.#see(batch);
    const call = this.#sends++;
    const { publish } = this.#script;
    const answered = Promise.resolve(publish?.(batch, call, signal) ?? { remaining: null });
    const cut = Promise.withResolvers<PublishResult>();
    const end = () => cut.resolve({ remaining: batch, error: ambiguous("closed") });
    if (!this.#script.stubborn) this.#closed.add(end);
    const result = await Promise.race([answered, cut.promise]);
    this.#closed.delete(end);
    this.#keep(batch, result);
    return result;
  }

  send(batch: Batch, reports: SendReports, signal: AbortSignal): DeliveryError | undefined {
    const refused = this.#script.call?.(this.#sends);
    if (refused !== undefined) {
      this.#see(batch);
      this.#sends++;
      this.#setOpen(false);
      return refused;
    }
    const call = this.#sends;
    this.publish(batch, signal).then(
      (result) => reports.done(result),
      (error) => reports.done({ remaining: batch, error: asDeliveryError(error, "out", "ambiguous") }),
    ).then(() => this.#script.again?.(batch, reports, call));
    return undefined;
  }

  async close(): Promise<void> {
    this.#sink.closes.push(this.#host);
    this.#setOpen(false);
    for (const end of this.#closed) end();
    await this.#script.closing?.();
  }

  #see(batch: Batch): void {
    this.#sink.sends.push({ host: this.#host, atMs: this.#clock.monotonic(), events: textsOf(batch) });
  }

  #keep(batch: Batch, { remaining, rejected = [], duplicate = 0, error }: PublishResult): void {
    const refused = rejected.reduce((sum, { count }) => sum + count, 0);
    if (refused + duplicate === 0) {
      const left = new Set(remaining === null ? [] : textsOf(remaining));
      for (const event of textsOf(batch)) if (!left.has(event)) this.#sink.taken.push({ host: this.#host, event });
    }
    if (error?.failure === "connection" || error?.failure === "ambiguous") this.#setOpen(false);
  }

  #setOpen(open: boolean): void {
    if (open !== this.#open) this.#sink.open += open ? 1 : -1;
    this.#sink.mostOpen = Math.max(this.#sink.mostOpen, this.#sink.open);
    this.#open = open;
  }
}

/** The texts of a batch's events. For tests. */
export function textsOf(batch: Batch): string[] {
  return Array.from(batch.ends, (_, i) => new TextDecoder().decode(eventBytes(batch, i)));
}

/** Takes the first `count` events of each publish. For tests. */
export function takes(batch: Batch, count: number, error?: DeliveryError): PublishResult {
  const { length } = batch.ends;
  const remaining = count < length ? sliceBatch(batch, count, length) : null;
  return { remaining, ...(error === undefined || remaining === null ? {} : { error }) };
}

/** The first `times` publishes fail, then one succeeds, and so on again; counted for each client. For tests. */
export function failing(
  times: number,
  error: () => DeliveryError = () => ambiguous("timeout"),
): NonNullable<Script["publish"]> {
  return (batch, call) => takes(batch, call % (times + 1) < times ? 0 : batch.ends.length, error());
}

/** The first `times` connects fail. For tests. */
export function refusing(times: number): NonNullable<Script["connect"]> {
  return (call) => call < times ? refused() : undefined;
}

export function refused(): DeliveryError {
  return new DeliveryError("connection", "Cannot connect: refused");
}

export function ambiguous(label: string): DeliveryError {
  return new DeliveryError("ambiguous", `Cannot deliver: ${label}`, { label });
}
