/**
 * The agent for programs that embed it.
 *
 * @module
 */
export { type Agent, type AgentOptions, startAgent } from "./embedded.ts";
