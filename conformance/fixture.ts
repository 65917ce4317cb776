import { toHex } from "../src/bytes/mod.ts";
import { FixtureError, type Golden, parseGolden } from "./golden.ts";
import { isObject, type Json, parseJson, writeJson } from "./json.ts";

/** What `decode` reads. */
export interface DecodeInput {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes are hex text. */
  readonly hex: boolean;
}

/** A golden and the files beside it. */
export interface Fixture {
  readonly protocol: string;
  /** The files' name without what follows the first dot. */
  readonly name: string;
  readonly goldenPath: string;
  readonly golden: Golden;
  /** Present where the golden expects something decoded. */
  readonly input?: DecodeInput;
  /** The lines of the scenario; present where the golden expects something fed. */
  readonly scenario?: readonly string[];
}

/** The folders that hold fixtures: the protocols of `decode` and `feed`. Others belong to tests of their own. */
const PROTOCOLS = [
  "dogstatsd",
  "ssf",
  "inet-diag",
  "tcpinfo",
  "tcpinfo-archive",
  "netflow",
  "sflow",
  "offsets",
  "lag",
];

const SCENARIO = ".jsonl";
const INPUTS = [".txt", ".bin", ".hex", ".pcap", ".pcapng", ".jsonl.zst"];

/**
 * Reads the fixtures of all protocols below `root`, a folder a protocol, in the order of their names.
 *
 * @throws {FixtureError} on a golden without input, an input without golden, or two equal inputs with equal
 * configuration: they would count twice and prove nothing more
 */
export async function readFixtures(root: string): Promise<Fixture[]> {
  const fixtures: Fixture[] = [];
  for (const protocol of await namesIn(root, "isDirectory")) {
    if (!PROTOCOLS.includes(protocol)) continue;
    fixtures.push(...await readProtocol(`${root}/${protocol}`, protocol));
  }
  await refuseEqual(fixtures);
  return fixtures;
}

async function namesIn(folder: string, kind: "isDirectory" | "isFile"): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) if (entry[kind]) names.push(entry.name);
  return names.sort();
}

async function readProtocol(folder: string, protocol: string): Promise<Fixture[]> {
  const files = await namesIn(folder, "isFile");
  const fixtures: Fixture[] = [];
  const used = new Set<string>();
  for (const file of files.filter((one) => one.endsWith(".json"))) {
    const name = file.slice(0, -".json".length);
    const goldenPath = `${folder}/${file}`;
    const golden = parseGolden(await Deno.readTextFile(goldenPath), goldenPath);
    const suffixes = [...INPUTS, SCENARIO].filter((suffix) => files.includes(name + suffix));
    for (const suffix of suffixes) used.add(name + suffix);
    const input = await readInput(`${folder}/${name}`, suffixes);
    const scenario = suffixes.includes(SCENARIO) ? await readScenario(`${folder}/${name}${SCENARIO}`) : undefined;
    if (golden.expect.feed !== undefined && scenario === undefined) {
      throw new FixtureError(goldenPath, `write the scenario ${name}${SCENARIO} beside it`);
    }
    if (input === undefined && (scenario === undefined || golden.expect.decode !== undefined)) {
      throw new FixtureError(goldenPath, `put the input beside it, ${name} with one of ${INPUTS.join(" ")}`);
    }
    fixtures.push({
      protocol,
      name,
      goldenPath,
      golden,
      ...(input !== undefined && { input }),
      ...(scenario !== undefined && { scenario }),
    });
  }
  const stray = files.find((file) => [...INPUTS, SCENARIO].some((suffix) => file.endsWith(suffix)) && !used.has(file));
  if (stray !== undefined) throw new FixtureError(`${folder}/${stray}`, "write its golden, a .json of the same name");
  return fixtures;
}

async function readInput(stem: string, suffixes: readonly string[]): Promise<DecodeInput | undefined> {
  const inputs = suffixes.filter((suffix) => suffix !== SCENARIO);
  if (inputs.length > 1) throw new FixtureError(stem + inputs[1], `keep it or ${stem}${inputs[0]}, not both`);
  const suffix = inputs[0];
  if (suffix === undefined) return undefined;
  return { bytes: await Deno.readFile(stem + suffix), hex: suffix === ".hex" };
}

async function readScenario(path: string): Promise<string[]> {
  const lines = (await Deno.readTextFile(path)).split("\n").filter((line) => line.trim() !== "");
  let previous = -Infinity;
  lines.forEach((line, i) => {
    const at = eventTime(line);
    if (at === null) throw new FixtureError(path, `write line ${i + 1} as a JSON object with at, in seconds`);
    if (at < previous) throw new FixtureError(path, `line ${i + 1} is earlier than the one before it`);
    previous = at;
  });
  if (lines.length === 0) throw new FixtureError(path, "it has no events");
  return lines;
}

function eventTime(line: string): number | null {
  let event: Json;
  try {
    event = parseJson(line);
  } catch {
    return null; // the caller says where, which is what the author of a scenario needs
  }
  const at = isObject(event) ? event["at"] : undefined;
  return typeof at === "number" ? at : null;
}

/** One that is there twice counts twice and shows nothing new. */
async function refuseEqual(fixtures: readonly Fixture[]): Promise<void> {
  const seen = new Map<string, Fixture>();
  for (const fixture of fixtures) {
    const { protocol, golden: { config, options: { timeS, set, exporter } }, input, scenario } = fixture;
    const settings = [protocol, writeJson(config), JSON.stringify({ timeS, set, exporter })]; // `live` is only another mode
    const keys: string[] = [];
    if (input !== undefined) keys.push([...settings, input.hex, await digest(input.bytes)].join("\n"));
    if (scenario !== undefined) keys.push([...settings, "scenario", ...scenario].join("\n"));
    for (const key of keys) {
      const other = seen.get(key);
      if (other !== undefined) {
        const why = `its input and configuration are those of ${other.goldenPath}: change or delete one of them`;
        throw new FixtureError(fixture.goldenPath, why);
      }
      seen.set(key, fixture);
    }
  }
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
