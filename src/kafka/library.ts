import type * as Library from "@platformatic/kafka";

export type { Connection, ConnectionOptions, SASLOptions } from "@platformatic/kafka";

let loading: Promise<typeof Library> | undefined;

/** The client library; loaded by the first who asks, so that only who speaks to Kafka pays its third of a second. */
export function loadLibrary(): Promise<typeof Library> {
  return loading ??= import("@platformatic/kafka");
}
