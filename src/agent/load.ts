/** From a file's text to the configuration an agent runs with. */
import { ConfigError, ConfigErrors, readDocument, redact, Section } from "../config/mod.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";
import { translateVeneurConfig } from "./veneur_config.ts";

/** Variables that begin like overrides and are none. */
const OTHER_VARIABLES = ["LIMIER_BUILD_DATE", "LIMIER_HOME"];

/** How a file is to be read. */
export interface LoadOptions {
  /** The file's name, for messages; "" without a file. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** The file is one of Veneur's. */
  readonly veneur: boolean;
  /** Unknown keys of a Veneur file are errors too. */
  readonly strict: boolean;
}

/** A configuration that was read. */
export interface Loaded {
  readonly config: AgentConfig;
  /** What was read, as the YAML yields it, secrets and all. */
  readonly values: Record<string, unknown>;
  /** What is odd about the file but stops nothing. */
  readonly warnings: readonly string[];
}

/** @throws {ConfigError | ConfigErrors} with everything that can't be used */
export function loadConfig(text: string, { file, env, veneur, strict }: LoadOptions): Loaded {
  if (veneur) {
    const { config, warnings } = translateVeneurConfig(text, file, env, { strict });
    const root = Section.of(config, { file, collect: true });
    return { config: readAgentConfig(root, { asProgram: true }), values: valuesOf(root), warnings };
  }
  const root = readLimierDocument(text, file || "defaults", env);
  return { config: readAgentConfig(root, { asProgram: true }), values: valuesOf(root), warnings: [] };
}

/** A file with the overrides of the environment, not yet checked; its errors are collected. */
export function readLimierDocument(text: string, file: string, env: Readonly<Record<string, string>>): Section {
  return readDocument(text, file, { env, prefix: "LIMIER", ignoredVariables: OTHER_VARIABLES, collect: true });
}

function valuesOf(root: Section): Record<string, unknown> {
  return Object.fromEntries(root.keys().map((key) => [key, root.value(key)]));
}

/** The configuration as it may be shown. */
export function shownConfig({ values }: Loaded, printSecrets: boolean): object {
  return printSecrets ? values : redact(values) as object;
}

/** The messages of an error in the configuration, a line each; `undefined` for any other error. */
export function configErrorLines(error: unknown): string[] | undefined {
  if (error instanceof ConfigErrors) return error.errors.map((one) => one instanceof Error ? one.message : String(one));
  if (error instanceof ConfigError) return [error.message];
  return undefined;
}
