/**
 * A queue on the disk, between the flush and the delivery: what it has stored is delivered at least once, whatever happens to
 * the process.
 *
 * @module
 */
export { type SpoolFile, type SpoolFiles } from "./files.ts";
export { SpoolVersionError } from "./recovery.ts";
export { type Fate } from "./books.ts";
export { type SequenceRange } from "./output_queue.ts";
export { type SpooledBatch, type SpoolReader } from "./reader.ts";
export {
  openSpool,
  type Spool,
  type SpoolDeps,
  type SpooledOutput,
  type SpoolHealth,
  type SpoolOptions,
} from "./spool.ts";
export { type AppendOutcome, type FsyncPolicy, type WhenFull } from "./writer.ts";
