/** Files that a process left behind unfinished are completed. */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { errorText } from "../telemetry/mod.ts";
import { PARTIAL } from "./rotation.ts";
import { frameAt } from "./zstd_frames.ts";

/** What was found. */
export interface RepairReport {
  /** Files that were complete but for their names, or were made so. */
  readonly repaired: number;
  /** Of these, those that were cut off inside a frame or a line: what they lack at the end is lost. */
  readonly torn: number;
  /** Files that stay as they are, and why. */
  readonly failed: readonly { readonly path: string; readonly why: string }[];
}

const LF = 0x0a;
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } };
const DATE_PART = /^[0-9]{2,4}$/;

/**
 * Looks below `directory` for files that carry the suffix of an unfinished one, and gives each its name: as it is if it ends
 * with a whole frame and a whole line, otherwise with what can be decompressed of it up to its last whole line. Nothing is
 * deleted or overwritten. The directory must be nobody else's meanwhile.
 *
 * @throws {Deno.errors} if the directory cannot be read
 */
export async function repairArchive(directory: string): Promise<RepairReport> {
  let repaired = 0, torn = 0;
  const failed: { path: string; why: string }[] = [];
  for await (const path of partialFiles(directory, 0)) {
    try {
      if (await repairFile(path)) torn++;
      repaired++;
    } catch (error) {
      failed.push({ path, why: errorText(error) });
    }
  }
  return { repaired, torn, failed };
}

/** `YYYY/MM/DD/NAME.partial`. */
async function* partialFiles(folder: string, depth: number): AsyncGenerator<string> {
  const names: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    if (depth < 3 ? isDirectory && DATE_PART.test(name) : isFile && name.endsWith(PARTIAL)) names.push(name);
  }
  for (const name of names.sort()) {
    if (depth < 3) yield* partialFiles(`${folder}/${name}`, depth + 1);
    else yield `${folder}/${name}`;
  }
}

/** @returns whether something was cut off */
async function repairFile(path: string): Promise<boolean> {
  const bytes = await Deno.readFile(path);
  const { content, isWhole } = contentOf(bytes);
  const lastLine = content.lastIndexOf(LF) + 1;
  const name = await freeName(path.slice(0, -PARTIAL.length));
  if (isWhole && lastLine === content.length && bytes.length > 0) {
    await Deno.rename(path, name);
    return false;
  }
  const frame = zstdCompressSync(content.subarray(0, lastLine), ZSTD);
  const draft = `${path}.repair`;
  {
    using file = await Deno.open(draft, { write: true, create: true, truncate: true });
    for (let at = 0; at < frame.length;) at += await file.write(frame.subarray(at));
    await file.sync();
  }
  await Deno.rename(draft, name);
  await Deno.remove(path); // all that can be read of it stands under its name
  return true;
}

/** All that can be decompressed, and whether nothing was cut off. */
function contentOf(bytes: Uint8Array): { content: Uint8Array; isWhole: boolean } {
  const pieces: Uint8Array[] = [];
  let at = 0, isWhole = true;
  while (at < bytes.length && isWhole) {
    const { kind, end } = frameAt(bytes, at);
    isWhole = kind === "data" || kind === "skippable";
    try {
      // Of a frame that is cut off: as far as it goes.
      const options = isWhole ? {} : { finishFlush: constants.ZSTD_e_continue };
      if (kind === "data" || kind === "cut") pieces.push(zstdDecompressSync(bytes.subarray(at, end), options));
    } catch {
      isWhole = false; // nothing can be had of it, and what is before it is kept
    }
    at = end;
  }
  const content = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const piece of pieces) {
    content.set(piece, filled);
    filled += piece.length;
  }
  return { content, isWhole };
}

/** The name, or one with a number behind it: what has the name already is not overwritten. */
async function freeName(name: string): Promise<string> {
  for (let number = 0;; number++) {
    const free = number === 0 ? name : name.replace(/\.jsonl\.zst$/, `.repaired-${number}.jsonl.zst`);
    try {
      await Deno.lstat(free);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return free;
      throw error;
    }
  }
}
