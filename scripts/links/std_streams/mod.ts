/** Stands in for `jsr:@std/streams` where only npm can be reached. */
export { TextLineStream } from "./text_line_stream.ts";
