/** Kafka's own Streams client, of which the broker knows groups of a kind of their own (KIP-1071). */
import { join } from "node:path";
import type { TestBroker } from "../../src/kafka/testing.ts";
import { type Needed, serversDirectory } from "../../src/testing/mod.ts";

const APPLICATION = decodeURIComponent(new URL("lag_streams_application.java", import.meta.url).pathname);

/** The client's library, where it is. */
export const STREAMS: Needed = { found: findLibrary(), setup: "scripts/setup-kafka.sh" };

/**
 * Reads a topic as the only member of a group of Streams, which commits, until it has read so many records. Java compiles the
 * program as it starts it.
 */
export function runStreams(broker: TestBroker, group: string, topic: string, records: number): Promise<string> {
  return broker.tool(APPLICATION, [group, topic, String(records), join(broker.directory, "streams")]);
}

function findLibrary(): string | undefined {
  const directory = join(serversDirectory(), "kafka", "libs");
  try {
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    const found = names.find((name) => /^kafka-streams-[\d.]+\.jar$/.test(name));
    return found === undefined ? undefined : join(directory, found);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined; // that is what was asked
    throw error;
  }
}
