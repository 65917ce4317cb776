import type { Struct } from "./template_values.ts";

/** A message that was not sent; what it says is for the log. */
export class NotificationError extends Error {
  override readonly name = "NotificationError";
  readonly code = "lag.notification";
}

/** Sends one text. */
export interface Sender extends AsyncDisposable {
  /** @param data for what else is filled in: URLs @throws {NotificationError} */
  send(text: string, data: Struct, isClose: boolean): Promise<void>;
}
