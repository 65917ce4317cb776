/**
 * A program that makes a client send: `play.ts FOLDER PLAN`, where FOLDER has the clients in its `node_modules` and PLAN
 * is a {@link Plan} as JSON. It ends once everything has been handed to the system.
 *
 * @module
 */
import { createRequire } from "node:module";
import type { ClientName } from "./install.ts";
import type { RecordedTransport } from "./recorder.ts";
import { createSocket } from "./unix_datagrams.ts";

/** One call of the client: a method and its arguments. */
export type Call = readonly [method: string, ...args: unknown[]];

/** What a client is told to do. */
export interface Plan {
  readonly client: ClientName;
  readonly transport: RecordedTransport;
  /** Port or path. */
  readonly address: number | string;
  /** The client's own options. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly calls: readonly Call[];
}

type Method = (...args: unknown[]) => unknown;
type Require = ReturnType<typeof createRequire>;

function call(client: object, [method, ...args]: Call): void {
  const member: unknown = Reflect.get(client, method);
  if (typeof member !== "function") throw new TypeError(`Cannot call ${method}: the client does not have it`);
  Reflect.apply(member, client, args);
}

/** The clients draw lots for sampled calls; here every lot wins. */
function winEveryLot(): void {
  Math.random = () => 0;
}

async function playHotShots(plan: Plan, require: Require): Promise<void> {
  const addon = require.resolve("unix-dgram");
  require.cache[addon] = { id: addon, filename: addon, loaded: true, exports: { createSocket } } as NodeJS.Module;
  const HotShots = require("hot-shots") as new (options: object) => object;
  const target = typeof plan.address === "string"
    ? { protocol: "uds", path: plan.address }
    : { protocol: plan.transport, host: "127.0.0.1", port: plan.address };
  const client = new HotShots({ ...plan.options, ...target, errorHandler: fail });
  winEveryLot();
  for (const one of plan.calls) {
    call(client, one);
    await pause();
  }
  await new Promise<void>((resolve, reject) => {
    (Reflect.get(client, "close") as Method).call(client, (error?: Error) => error ? reject(error) : resolve());
  });
}

async function playDdTrace(plan: Plan, require: Require): Promise<void> {
  // What the tracer sets up for its parts; its DogStatsD client wants a place to leave its last flush.
  Object.assign(globalThis, { [Symbol.for("dd-trace")]: { beforeExitHandlers: new Set() } });
  // The container would be this machine's.
  Object.assign(require("dd-trace/packages/dd-trace/src/exporters/common/docker") as object, { entityId: ENTITY_ID });
  const { CustomMetrics } = require("dd-trace/packages/dd-trace/src/dogstatsd") as {
    CustomMetrics: new (config: object) => { flush(done: () => void): void };
  };
  const client = new CustomMetrics({ ...plan.options, dogstatsd: { hostname: "127.0.0.1", port: plan.address } });
  for (const [i, one] of plan.calls.entries()) {
    call(client, one);
    // A flush of more than one datagram leaves in any order.
    if (i % CALLS_A_FLUSH < CALLS_A_FLUSH - 1) continue;
    await new Promise<void>((resolve) => client.flush(resolve));
    await pause();
  }
  await new Promise<void>((resolve) => client.flush(resolve));
}

const ENTITY_ID = "in-4026532281";
const CALLS_A_FLUSH = 20;

/** Deno's datagram sockets send what waits for them to be ready last first, so calls are kept apart. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

function fail(error: Error): void {
  console.error(error);
  Deno.exit(1);
}

if (import.meta.main) {
  const [folder, json] = Deno.args;
  const plan: Plan = JSON.parse(json!);
  const require = createRequire(`${folder}/package.json`);
  await (plan.client === "hot-shots" ? playHotShots(plan, require) : playDdTrace(plan, require));
  Deno.exit(0); // dd-trace keeps timers
}
