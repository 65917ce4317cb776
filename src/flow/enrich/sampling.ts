/** Sampling rates that settings say instead of exporters, or in their place. */
import type { Section } from "../../config/mod.ts";
import { type PrefixEntry, PrefixTable, readPrefixes } from "./prefix_table.ts";

/** What settings say of sampling rates. */
export interface SamplingSettings {
  /** These replace what exporters say; 0: no rule. */
  readonly overrides: readonly PrefixEntry<number>[];
  /** These are for flows without a rate; 0: no rule. */
  readonly defaults: readonly PrefixEntry<number>[];
  /** A flow without a rate is dropped; otherwise it counts as rate 1. */
  readonly isRequired: boolean;
}

/** The keys that {@linkcode readSamplingSettings} reads, of the section `flow.outlet.core`. */
export const SAMPLING_SETTINGS = [
  "default_sampling_rate",
  "override_sampling_rate",
  "require_sampling_rate",
] as const;

/** Reads them. @throws {ConfigError} */
export function readSamplingSettings(core: Section): SamplingSettings {
  const read = (section: Section, key: string) => section.integer(key, { atLeast: 0 });
  return {
    overrides: readPrefixes(core, "override_sampling_rate", read, read),
    defaults: readPrefixes(core, "default_sampling_rate", read, read),
    isRequired: core.boolean("require_sampling_rate") ?? false,
  };
}

/** The rates of one exporter; 0: none. */
export interface ExporterRates {
  readonly override: number;
  readonly fallback: number;
}

/** Finds the rules for an exporter. */
export class SamplingRules {
  readonly isRequired: boolean;
  readonly #overrides: PrefixTable<number>;
  readonly #defaults: PrefixTable<number>;

  constructor({ overrides, defaults, isRequired }: SamplingSettings) {
    this.isRequired = isRequired;
    this.#overrides = new PrefixTable(overrides);
    this.#defaults = new PrefixTable(defaults);
  }

  /** The rates for the exporter whose address stands in `words` at `at`. */
  of(words: Uint32Array, at: number): ExporterRates {
    return { override: this.#overrides.find(words, at) ?? 0, fallback: this.#defaults.find(words, at) ?? 0 };
  }
}
