/**
 * The machinery that turns a YAML file into settings, and refuses what it can't use with file, line and column.
 *
 * @example A section with its defaults beside it
 * ```ts
 * import { readDocument, type Section } from "@limier/limier/config";
 *
 * function readListener(section: Section): { address: string; idleMs: number } {
 *   section.refuseOthers(["address", "idle"]);
 *   return {
 *     address: section.address("address") ?? "127.0.0.1:0",
 *     idleMs: section.duration("idle", { atLeast: "1s" }) ?? 60_000,
 *   };
 * }
 *
 * const root = readDocument("listener:\n  idle: 5m\n", "app.yaml");
 * console.log(readListener(root.section("listener"))); // { address: "127.0.0.1:0", idleMs: 300000 }
 * ```
 *
 * @module
 */
export { type Address, formatAddress, parseAddress } from "./address.ts";
export { type DocumentOptions, readDocument } from "./document.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export { type Environment } from "./environment.ts";
export { ConfigError, ConfigErrors, formatPosition, type Position } from "./error.ts";
export { editDistance, isSlip, nearestName } from "./nearest.ts";
export { isSecretName, redact, REDACTED, redactText } from "./redact.ts";
export { type NumberBounds, Section, type TextBounds } from "./section.ts";
export { formatSize, parseSize } from "./size.ts";
