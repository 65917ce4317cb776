import { isObject, type Json, type JsonObject, parseJson, writeJson } from "./json.ts";

/** The stages whose objects a golden may hold. */
export const STAGES = ["decode", "feed", "live"] as const;
export type Stage = (typeof STAGES)[number];

/** How a live agent gets the input. */
export const TRANSPORTS = ["udp", "tcp", "unix", "unixgram"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** How one fixture is run, beside its configuration. */
export interface GoldenOptions {
  /** `--time`: the receive time, Unix seconds. */
  readonly timeS?: number;
  /** `--set`: keys of the module's configuration. */
  readonly set?: Readonly<Record<string, string>>;
  /** `--exporter`: who sent the input. */
  readonly exporter?: string;
  /** `--verbose`. */
  readonly verbose?: boolean;
  /** Sends the input to a started agent over this transport as well. */
  readonly live?: Transport;
}

/** A `case.json`: why the case exists, where its input came from, and what has to come out. */
export interface Golden {
  readonly why: string;
  readonly source: string;
  /** The agent's configuration, as the YAML file yields it. */
  readonly config: JsonObject;
  readonly options: GoldenOptions;
  readonly expect: Readonly<Partial<Record<Stage, Json[]>>>;
}

/** A fixture that can't be run as it stands. */
export class FixtureError extends Error {
  override readonly name = "FixtureError";
  readonly code = "conformance.fixture";

  /** @param path the file that has to be changed */
  constructor(readonly path: string, why: string) {
    super(`Cannot use ${path}: ${why}`);
  }
}

/**
 * Reads a golden.
 *
 * @throws {FixtureError} if it is not JSON, lacks something, or has an unknown key
 */
export function parseGolden(text: string, path: string): Golden {
  const root = parseRoot(text, path);
  const fail = (why: string): never => {
    throw new FixtureError(path, why);
  };
  refuseOthers(root, ["why", "source", "config", "options", "expect"], fail);
  const { why, source, config = {}, options = {}, expect } = root;
  if (typeof why !== "string" || why === "") fail("write in why what the case is there for");
  if (typeof source !== "string" || source === "") fail("write in source where the input came from");
  if (!isObject(config)) fail("write config as an object");
  if (!isObject(options)) return fail("write options as an object");
  if (!isObject(expect)) return fail("write expect as an object with decode, feed or live");
  refuseOthers(expect, STAGES, fail);
  const lists = Object.entries(expect);
  if (lists.length === 0) fail("write in expect at least one of decode, feed, live");
  for (const [stage, list] of lists) {
    if (!Array.isArray(list)) fail(`write expect.${stage} as a list`);
  }
  return {
    why: why as string,
    source: source as string,
    config: config as JsonObject,
    options: readOptions(options, fail),
    expect: expect as Golden["expect"],
  };
}

function parseRoot(text: string, path: string): JsonObject {
  let root: Json;
  try {
    root = parseJson(text);
  } catch (cause) {
    throw new FixtureError(path, `it is not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (!isObject(root)) throw new FixtureError(path, "write an object");
  return root;
}

function readOptions(options: JsonObject, fail: (why: string) => never): GoldenOptions {
  refuseOthers(options, ["timeS", "set", "exporter", "verbose", "live"], fail);
  const { timeS, set, exporter, verbose, live } = options;
  if (timeS !== undefined && typeof timeS !== "number") fail("write options.timeS as a number of Unix seconds");
  if (set !== undefined && !(isObject(set) && Object.values(set).every((value) => typeof value === "string"))) {
    fail("write options.set as an object of texts");
  }
  if (exporter !== undefined && typeof exporter !== "string") fail("write options.exporter as an IP address");
  if (verbose !== undefined && typeof verbose !== "boolean") fail("write options.verbose as true or false");
  const transport = TRANSPORTS.find((one) => one === live);
  if (live !== undefined && transport === undefined) fail(`write options.live as one of ${TRANSPORTS.join(", ")}`);
  return {
    ...(timeS !== undefined && { timeS: timeS as number }),
    ...(set !== undefined && { set: set as Record<string, string> }),
    ...(exporter !== undefined && { exporter: exporter as string }),
    ...(verbose !== undefined && { verbose: verbose as boolean }),
    ...(transport !== undefined && { live: transport }),
  };
}

function refuseOthers(object: JsonObject, known: readonly string[], fail: (why: string) => never): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown !== undefined) fail(`${unknown} is none of ${known.join(", ")}`);
}

/** A golden as its file holds it: one line an object that comes out, so that a change is a change of lines. */
export function formatGolden({ why, source, config, options, expect }: Golden): string {
  const members = [member("why", why), member("source", source)];
  if (Object.keys(config).length > 0) members.push(member("config", config));
  if (Object.keys(options).length > 0) members.push(member("options", options as unknown as Json));
  const stages = Object.entries(expect).map(([stage, list]) => {
    const lines = list.map((one) => `      ${writeJson(one)}`);
    return `    ${JSON.stringify(stage)}: [${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n    `}]`;
  });
  members.push(`  "expect": {\n${stages.join(",\n")}\n  }`);
  return `{\n${members.join(",\n")}\n}\n`;
}

function member(key: string, value: Json): string {
  return `  ${JSON.stringify(key)}: ${writeJson(value)}`;
}
