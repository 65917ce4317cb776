/** Stands in for `jsr:@std/cli` where only npm can be reached. */
export { type Args, parseArgs, type ParseOptions } from "./parse_args.ts";
