import type { Batch } from "../metric/mod.ts";
import {
  type ClientDeps,
  DeliveryError,
  type DestinationClient,
  type OutputConfig,
  type PublishResult,
  type Rejection,
} from "./contract.ts";
import { HttpConnection, type HttpReply, type HttpRequest } from "./http_connection.ts";
import { statusFailure } from "./http_failure.ts";
import { type PartLimits, PartPublisher } from "./http_parts.ts";
import type { HttpTarget } from "./http_target.ts";

/** How a kind of destination that takes everything at one path is posted to: what its requests share, and what differs. */
export interface Posting extends Omit<HttpRequest, "method" | "body"> {
  readonly limits: PartLimits;
  /** The body of a request that carries `part`. */
  body(part: Batch): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * What a reply with one of the statuses of `success` says of the events: all were taken (`undefined`), some were
   * refused for good, all were `refused` as the status says, or it is not known. @default all were taken
   */
  read?(reply: HttpReply): Rejection | "refused" | DeliveryError | undefined;
}

/** The client of such a destination: one connection, a batch in as many requests as its limits ask for. */
export function newPostingClient(
  target: HttpTarget,
  config: OutputConfig,
  deps: ClientDeps,
  posting: Posting,
): DestinationClient {
  return new PostingClient(target, config, deps, posting);
}

class PostingClient implements DestinationClient {
  readonly #target: HttpTarget;
  readonly #connection: HttpConnection;
  readonly #deps: ClientDeps;
  readonly #posting: Posting;
  readonly #parts: PartPublisher;

  constructor(target: HttpTarget, config: OutputConfig, deps: ClientDeps, posting: Posting) {
    this.#target = target;
    this.#connection = new HttpConnection(target, config, deps);
    this.#deps = deps;
    this.#posting = posting;
    this.#parts = new PartPublisher(posting.limits);
  }

  get isConnected(): boolean {
    return this.#connection.isConnected;
  }

  connect(): Promise<void> {
    return this.#connection.connect();
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    const refusals: Rejection[] = [];
    const result = await this.#parts.publish(batch, {
      body: (part) => this.#posting.body(part),
      send: async (body, signal) => {
        const answer = await this.#send(body, signal);
        if (answer instanceof DeliveryError) return answer;
        if (answer !== undefined) refusals.push(answer);
        return undefined;
      },
    }, signal);
    const [first] = refusals;
    if (first === undefined) return result;
    const told = refusals.reduce((sum, { count }) => sum + count, 0);
    const most = batch.ends.length - (result.remaining?.ends.length ?? 0);
    const partly = { reason: first.reason, count: Math.min(told, most) };
    return { ...result, rejected: [...result.rejected ?? [], partly] };
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  async #send(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Rejection | DeliveryError | undefined> {
    const reply = await this.#connection.send({ ...this.#posting, method: "POST", body }, signal);
    if (reply instanceof DeliveryError) return reply;
    const answer = this.#posting.read?.(reply);
    if (answer !== "refused") return answer;
    this.#deps.observe?.({ action: this.#posting.action, errorCause: String(reply.status) });
    return statusFailure(reply.status, reply.headers, this.#target.label);
  }
}
