import type { Destination, DestinationClient, Encoder } from "../contract.ts";

/** Takes every kind, and not a byte of it: what is counted is how many there were. */
const nothing: Encoder = { point: () => true, event: () => true, check: () => true, span: () => true };

const client: DestinationClient = {
  isConnected: true,
  concurrency: Infinity,
  connect: () => Promise.resolve(),
  publish: () => Promise.resolve({ remaining: null }),
  close: () => Promise.resolve(),
};

/** Takes everything and keeps nothing: for measuring what the rest costs. */
export const blackhole: Destination<null> = {
  kind: "blackhole",
  sends: ["points", "events", "checks", "spans"],
  defaultHosts: null,
  keys: [],
  readConfig: () => null,
  newEncoder: () => nothing,
  newClient: () => client,
};
