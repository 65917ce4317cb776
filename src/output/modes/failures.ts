import { DeliveryError } from "../contract.ts";

/** A label that tells less than the failure's kind. */
const IO = "io";

/** The label of a failure after which the connection is good and only some events are to be sent again. */
export const TEMPORARY_BULK = "temporary_bulk";

/** Longest wait a destination may ask for, in milliseconds. */
const MAX_RETRY_AFTER_MS = 600_000;

/** The transfer worked, but the destination wants some of the events again. */
export function temporaryBulkFailure(message: string): DeliveryError {
  return new DeliveryError("retry", message, { label: TEMPORARY_BULK });
}

/** Whether the connection is as good as before and only what remains is to be sent again there. */
export function isTemporaryBulk(error: DeliveryError): boolean {
  return error.failure === "retry" && error.label === TEMPORARY_BULK;
}

/** Whether the failure costs no attempt: the destination asks for patience, or for other settings. */
export function isFree(error: DeliveryError): boolean {
  const { failure, options } = error;
  if (failure === "throttle" || failure === "configuration") return true;
  return failure === "retry" && options.status === 503 && options.retryAfterMs !== undefined;
}

/** Whether the reply was read whole, so that its connection can be used as it is. */
export function keepsConnection(error: DeliveryError): boolean {
  return isTemporaryBulk(error) || error.failure === "throttle" || error.failure === "too_large" ||
    error.failure === "permanent";
}

/** How long the destination wants to be left alone, in milliseconds; 0 when it did not say. */
export function askedWaitMs(error: DeliveryError): number {
  return Math.min(Math.max(0, error.options.retryAfterMs ?? 0), MAX_RETRY_AFTER_MS);
}

/** The word that events lost to this failure are counted under. */
export function reasonOf(error: DeliveryError): string {
  const { status, label } = error.options;
  return status?.toString() ?? (label === undefined || label === IO ? error.failure : label);
}

/** The failure of a client that takes nothing and does not say why. */
export function noProgress(output: string): DeliveryError {
  return new DeliveryError("retry", `Cannot deliver to output ${output}: nothing is taken`, { label: "no_progress" });
}

/** A client that throws has broken its contract, but for `connect`; its error's text may hold what must not be shown. */
export function asDeliveryError(error: unknown, output: string, otherwise: DeliveryError["failure"]): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const kind = error instanceof Error ? error.name : typeof error;
  return new DeliveryError(otherwise, `Cannot deliver to output ${output}: its client failed with a ${kind}`, {
    label: "client",
  });
}
