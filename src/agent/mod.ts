/**
 * The agent: its configuration composed of the modules' sections, its parts wired together, and what the commands of the
 * program do. `startAgent` is what an embedding program needs.
 *
 * @example What a scenario makes of its lines
 * ```ts
 * import assert from "node:assert/strict";
 * import { feedScenario } from "./mod.ts";
 *
 * const scenario = ['{"at":1,"text":"a.b:3|c"}', '{"at":10,"do":"flush"}'];
 * const [point] = await Array.fromAsync(feedScenario("dogstatsd", { statsd: { hostname: "web1" } }, scenario));
 * assert.equal(JSON.parse(point!).value, 0.3);
 * ```
 *
 * @module
 */
export { type AgentConfig, type AgentDefaults, readAgentConfig } from "./config.ts";
export { DECODE_PROTOCOLS, decodeInput, type DecodeOptions, type DecodeProtocol } from "./decode.ts";
export { diagnose, type Finding } from "./doctor.ts";
export { readDoctorFacts } from "./doctor_facts.ts";
export { type Agent, type AgentOptions, startAgent } from "./embedded.ts";
export { FEED_PROTOCOLS, type FeedProtocol, feedScenario } from "./feed.ts";
export { configErrorLines, loadConfig, type Loaded, type LoadOptions, readLimierDocument, shownYaml } from "./load.ts";
export { type OpenedHttpAddress, openInheritedHttp } from "./inherited_http.ts";
export { type ProgramOptions, runProgram } from "./program.ts";
export { crashOnUncaught, openReports, type Reports, type ReportSettings } from "./reports.ts";
export { readSentry } from "./sentry_section.ts";
export { listenForSignals, type SignalActions } from "./signals.ts";
export { buildDate, VERSION } from "./version.ts";
