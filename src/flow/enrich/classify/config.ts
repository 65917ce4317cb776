/** Rules as settings write them. */
import { ConfigError, type Section } from "../../../config/mod.ts";
import type { ClassifierSettings } from "./classifier.ts";
import { compileRule, type Rule } from "./compile.ts";
import type { RuleSubject } from "./functions.ts";
import { RuleError } from "./rule_error.ts";

/** The keys that {@linkcode readClassifierSettings} reads, of the section `flow.outlet.core`. */
export const CLASSIFIER_SETTINGS = [
  "exporter_classifiers",
  "interface_classifiers",
  "classifier_cache_duration",
] as const;

const CACHE_DURATION_MS = 5 * 60_000;

/** Reads and compiles the rules. @throws {ConfigError} on a rule that can't be compiled: which, where in it, and why */
export function readClassifierSettings(core: Section): ClassifierSettings {
  return {
    exporterRules: readRules(core, "exporter_classifiers", "exporter"),
    interfaceRules: readRules(core, "interface_classifiers", "interface"),
    cacheDurationMs: core.duration("classifier_cache_duration", { atLeast: "1s" }) ?? CACHE_DURATION_MS,
  };
}

function readRules(core: Section, key: string, subject: RuleSubject): Rule[] {
  const rules: Rule[] = [];
  for (const [index, source] of (core.strings(key) ?? []).entries()) {
    core.gather(() => {
      try {
        rules.push(compileRule(source, subject));
      } catch (error) {
        if (!(error instanceof RuleError)) throw error;
        const path = `${core.path === "" ? "" : `${core.path}.`}${key}[${index}]`;
        const problem = `Cannot use ${path}: ${error.problem} (at character ${error.at + 1} of the rule)`;
        throw new ConfigError(core.at(key), path, source, "", { problem, cause: error });
      }
    });
  }
  return rules;
}
