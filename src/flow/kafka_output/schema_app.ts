/** The HTTP of the output: what the messages of its topic are. */
import { Hono } from "@hono/hono";

/** What the page is given. */
export interface EnrichedSchemaDeps {
  /** The definition in force; "" where the output is off, undefined where that is not known yet. */
  readonly proto: () => string | undefined;
}

/** Where the definition is. */
export const SCHEMA_PATH = "/api/v0/outlet/kafka-output/schema.proto";

/** The page as an app of its own, for the agent's HTTP server to mount. */
export function newEnrichedSchemaApp({ proto }: EnrichedSchemaDeps): Hono {
  const app = new Hono();
  app.get(SCHEMA_PATH, (c) => {
    const text = proto();
    if (text === undefined) {
      return c.json({ message: "Cannot show the schema: the agent is about to start or stop" }, 503);
    }
    if (text === "") {
      return c.json({ message: "Cannot show the schema: set flow.outlet.kafka_output.enabled: true" }, 404);
    }
    return c.body(text, 200, { "content-type": "text/plain; charset=utf-8" });
  });
  return app;
}
