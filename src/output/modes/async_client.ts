import type { Batch } from "../../metric/mod.ts";
import type { DeliveryError, DestinationClient, PublishResult } from "../contract.ts";
import { asDeliveryError } from "./failures.ts";
import type { Connectable } from "./link.ts";

/** What an asynchronous send tells while it is under way, and at its end. */
export interface SendReports {
  /**
   * The destination has taken the first `events` of the send so far; no more than before means that it is alive. More than
   * were sent, or fewer than before, is an error of the protocol.
   */
  progress(events: number): void;
  /** The send is over. Called once; what comes later is counted and changes nothing. */
  done(result: PublishResult): void;
}

/** A connection on which several sends may be outstanding. */
export interface AsyncClient extends Connectable {
  /**
   * Begins to publish `batch`. Either returns an error and reports nothing, or returns nothing and reports once; the worker
   * goes on with the next batch as soon as the call returns.
   *
   * @param signal aborts when the send is given up
   */
  send(batch: Batch, reports: SendReports, signal: AbortSignal): DeliveryError | undefined;
}

/** A client that answers with promises, as one that reports. */
export function asyncClient(client: DestinationClient, output: string): AsyncClient {
  return {
    get isConnected() {
      return client.isConnected;
    },
    connect: (timeoutMs) => client.connect(timeoutMs),
    close: () => client.close(),
    send(batch, reports, signal) {
      client.publish(batch, signal).then(
        (result) => reports.done(result),
        (error) => reports.done({ remaining: batch, error: asDeliveryError(error, output, "ambiguous") }),
      );
      return undefined;
    },
  };
}
