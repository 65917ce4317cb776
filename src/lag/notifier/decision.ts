import { Status } from "../evaluator/status.ts";

/** How one module is to tell. */
export interface DecisionSettings {
  readonly threshold: number;
  readonly sendClose: boolean;
  readonly sendOnce: boolean;
  readonly sendIntervalMs: number;
}

/** What a module does about a group. */
export type Decision = "open" | "close" | "nothing";

/**
 * Decides whether a module tells of a group.
 *
 * @param isOpen whether an incident was open before this status
 * @param lastNotifyMs when the module last told of it; undefined if it did not in this incident
 */
export function decide(
  settings: DecisionSettings,
  status: Status,
  isOpen: boolean,
  lastNotifyMs: number | undefined,
  nowMs: number,
): Decision {
  if (isOpen && status === Status.ok && settings.sendClose) return "close";
  if (status < settings.threshold) return "nothing";
  if (settings.sendOnce && lastNotifyMs !== undefined) return "nothing";
  const isLongAgo = lastNotifyMs === undefined || nowMs - lastNotifyMs > settings.sendIntervalMs;
  return isLongAgo ? "open" : "nothing";
}
