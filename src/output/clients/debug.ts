import { eventBytes } from "../../metric/mod.ts";
import type { ClientDeps, Destination, DestinationClient } from "../contract.ts";
import { lineEncoder } from "../lines.ts";

function newDebugClient({ reporter }: Pick<ClientDeps, "reporter">): DestinationClient {
  const text = new TextDecoder();
  return {
    isConnected: true,
    connect: () => Promise.resolve(),
    publish(batch) {
      for (let i = 0; i < batch.ends.length; i++) reporter.debug(`Flushed ${text.decode(eventBytes(batch, i))}`);
      return Promise.resolve({ remaining: null });
    },
    close: () => Promise.resolve(),
  };
}

/** The agent's own log: a line at level debug for everything that is flushed. */
export const debug: Destination<null> = {
  kind: "debug",
  sends: ["points", "events", "checks", "spans"],
  defaultHosts: null,
  keys: [],
  readConfig: () => null,
  newEncoder: () => lineEncoder,
  newClient: (_host, _config, _own, deps) => newDebugClient(deps),
};
