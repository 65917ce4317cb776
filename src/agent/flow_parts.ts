/** What the flow source is given of the rest of the agent. */
import type { Hono } from "@hono/hono";
import { type FlowConfig, type FlowSource, newEnrichedSchemaApp, newStoreApp, StoreError } from "../flow/mod.ts";
import type { HttpConfig } from "../http/mod.ts";
import type { Meter } from "../metric/mod.ts";

/** A meter that is not there all the time: what is measured meanwhile is not. */
export function lateMeter(find: () => Meter | undefined): Meter {
  return {
    count: (name, value, tags) => find()?.count(name, value, tags),
    gauge: (name, value, tags) => find()?.gauge(name, value, tags),
    timing: (name, value, tags) => find()?.timing(name, value, tags),
    set: (name, member, tags) => find()?.set(name, member, tags),
  };
}

/** Where others find the agent's pages; undefined where they can't. */
export function dictionaryOrigin({ address, tls }: HttpConfig): string | undefined {
  if (address?.transport !== "tcp" || address.port === 0) return undefined;
  const { hostname, port } = address;
  const isAny = hostname === "" || hostname === "0.0.0.0" || hostname === "::";
  const host = isAny ? Deno.hostname() : hostname.includes(":") ? `[${hostname}]` : hostname;
  return `http${tls === undefined ? "" : "s"}://${host}:${port}`;
}

/** The pages of flows: statements of those who ask, dictionaries for the server, the messages of the enriched topic. */
export function newFlowPages(find: () => FlowSource | undefined, { outlet, schema }: FlowConfig): Hono {
  const app = newStoreApp({
    store: {
      query(statement, options) {
        const store = find()?.store;
        if (store !== undefined) return store.query(statement, options);
        return Promise.reject(
          new StoreError("connection", "Cannot ask for flows: the agent is about to start or stop"),
        );
      },
    },
    asns: outlet?.clickhouse.asns ?? {},
    customDictionaries: schema.customDictionaries,
  });
  app.route("/", newEnrichedSchemaApp({ proto: () => find()?.enrichedProto }));
  return app;
}
