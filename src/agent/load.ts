/** From a file's text to the configuration an agent runs with. */
import { stringify } from "@std/yaml";
import {
  ConfigError,
  ConfigErrors,
  formatPosition,
  type Position,
  readDocument,
  redact,
  Section,
} from "../config/mod.ts";
import { destinations } from "../output/mod.ts";
import { STATSD_KEYS } from "../statsd/mod.ts";
import { type BurrowTranslation, translateBurrowConfig } from "./burrow_config.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";
import { effectiveConfig } from "./effective.ts";
import { type LimierParts, translateVeneurConfig } from "./veneur_config.ts";

/** Variables that begin like overrides and are none. */
const OTHER_VARIABLES = ["LIMIER_BUILD_DATE", "LIMIER_HOME"];

/** How a file is to be read. */
export interface LoadOptions {
  /** The file's name, for messages; "" without a file. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** The file is one of Veneur's. */
  readonly veneur: boolean;
  /** The file is one of Burrow's. @default false */
  readonly burrow?: boolean;
  /** Unknown keys of a Veneur file are errors too. */
  readonly strict: boolean;
}

/** A configuration that was read. */
export interface Loaded {
  readonly config: AgentConfig;
  /** What is odd about the file but stops nothing. */
  readonly warnings: readonly string[];
  /** What a file of Burrow's asks of the process. */
  readonly burrow?: Pick<BurrowTranslation, "pidFile" | "namesPidFile" | "logFile">;
}

/** @throws {ConfigError | ConfigErrors} with everything that can't be used */
export function loadConfig(text: string, { file, env, veneur, burrow = false, strict }: LoadOptions): Loaded {
  if (burrow) return loadBurrowConfig(text, file, env);
  if (veneur) return loadVeneurConfig(text, file, env, strict);
  const root = readLimierDocument(text, file || "defaults", env);
  return { config: readAgentConfig(root, { asProgram: true, watchesTcp: file === "" }), warnings: [] };
}

/** What this version has of what Veneur's files may ask for. */
const PARTS: LimierParts = {
  outputKinds: destinations.map(({ kind }) => kind),
  statsdKeys: STATSD_KEYS,
  forwardsOverGrpc: true,
  deliversSpans: true,
};

function loadVeneurConfig(text: string, file: string, env: LoadOptions["env"], strict: boolean): Loaded {
  const { config, warnings, placeOf } = translateVeneurConfig(text, file, env, { strict, has: PARTS });
  try {
    return { config: readAgentConfig(Section.of(config, { file, collect: true }), { asProgram: true }), warnings };
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error;
    throw new ConfigErrors(error.errors.map((one) => moved(one, placeOf(one.path))));
  }
}

function loadBurrowConfig(text: string, file: string, env: LoadOptions["env"]): Loaded {
  const { config, warnings, pidFile, namesPidFile, logFile, origin } = translateBurrowConfig(text, file, env);
  try {
    const read = readAgentConfig(Section.of(config, { file, collect: true }), { asProgram: true });
    return { config: read, warnings, burrow: { pidFile, namesPidFile, logFile } };
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error;
    throw new ConfigErrors(error.errors.map((one) => renamed(one, origin(one.path))));
  }
}

/** An error about a setting under the name and at the place that the file has for it. */
function renamed(error: ConfigError, origin: { path: string; at: Position } | undefined): ConfigError {
  if (origin === undefined) return error;
  const problem = error.message.slice(`${formatPosition(error.at)}: `.length).replace(error.path, origin.path);
  return new ConfigError(origin.at, origin.path, error.value, "", { problem, cause: error.cause });
}

/** An error about a setting that was made of another one: at the place of that one. */
function moved(error: ConfigError, at: Position | undefined): ConfigError {
  if (at === undefined) return error;
  const problem = error.message.slice(`${formatPosition(error.at)}: `.length);
  return new ConfigError(at, error.path, error.value, "", { problem, cause: error.cause });
}

/** A file with the overrides of the environment, not yet checked; its errors are collected. */
export function readLimierDocument(text: string, file: string, env: Readonly<Record<string, string>>): Section {
  return readDocument(text, file, { env, prefix: "LIMIER", ignoredVariables: OTHER_VARIABLES, collect: true });
}

/** The configuration in force as it may be shown. */
export function shownConfig({ config }: Loaded, printSecrets: boolean): object {
  const effective = effectiveConfig(config);
  return printSecrets ? effective : redact(effective) as object;
}

/** What {@link shownConfig} gives as the text of a limier.yaml, which reads as the same configuration. */
export function shownYaml(loaded: Loaded, printSecrets: boolean): string {
  return stringify(escaped(shownConfig(loaded, printSecrets)) as object, { lineWidth: -1 }).trimEnd();
}

/** Where `${` stands in a text, it is no variable. */
function escaped(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escaped(inner)]));
}

/** The messages of an error in the configuration, a line each; `undefined` for any other error. */
export function configErrorLines(error: unknown): string[] | undefined {
  if (error instanceof ConfigErrors) return error.errors.map((one) => one instanceof Error ? one.message : String(one));
  if (error instanceof ConfigError) return [error.message];
  return undefined;
}
