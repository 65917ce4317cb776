import type { DeliveryError } from "../contract.ts";

/** How an output is doing, told from the last thing that happened. */
export interface Condition {
  /**
   * `idle`: nothing is pending. `delivering`. `retrying`: the last attempt failed, and there will be another. `holding`: the
   * destination refuses its settings, and is only probed.
   */
  readonly state: "idle" | "delivering" | "retrying" | "holding";
  /** Unix milliseconds. */
  readonly sinceMs: number;
  /** What failed last; only while retrying or holding. */
  readonly why?: DeliveryError;
}

/** The states, as the gauge's label has them. */
export const CONDITION_STATES: readonly Condition["state"][] = ["idle", "delivering", "retrying", "holding"];

/** The condition after an attempt, or a connect that failed, ended with `error`. */
export function conditionAfter(error: DeliveryError | undefined): Condition["state"] {
  if (error === undefined) return "delivering";
  if (error.failure === "configuration") return "holding";
  // The destination has answered, and said what it will never take, or takes in smaller parts.
  return error.failure === "permanent" || error.failure === "too_large" ? "delivering" : "retrying";
}
