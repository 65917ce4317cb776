import { type SpoolFiles, writeAll } from "./files.ts";
import { encodePositions, type ParsedPositions, parsePositions, type Positions } from "./position.ts";

const NAME = "position";
const NEXT_NAME = "position.new";

/**
 * What the position file of a spool says; `missing` when there is none.
 *
 * @throws what the file system does
 */
export async function loadPositions(
  files: SpoolFiles,
  directory: string,
  names: readonly string[],
): Promise<ParsedPositions | { readonly state: "missing" }> {
  if (!names.includes(NAME)) return { state: "missing" };
  const file = await files.open(`${directory}/${NAME}`, "read");
  try {
    const bytes = new Uint8Array(await file.size());
    return parsePositions(bytes.subarray(0, await file.readAt(0, bytes)));
  } finally {
    file.close();
  }
}

/**
 * Replaces the position file as a whole: whenever the process ends, the old or the new one is there. With `durable`, also
 * when power is lost.
 *
 * @throws what the file system does; the old file is there then
 */
export async function savePositions(
  files: SpoolFiles,
  directory: string,
  positions: Positions,
  durable: boolean,
): Promise<void> {
  const path = `${directory}/${NEXT_NAME}`;
  await removeLeftover(files, directory);
  try {
    const file = await files.create(path);
    try {
      await writeAll(file, encodePositions(positions));
      if (durable) await file.sync();
    } finally {
      file.close();
    }
    await files.rename(path, `${directory}/${NAME}`);
    if (durable) await files.syncDirectory(directory);
  } catch (error) {
    await removeLeftover(files, directory);
    throw error;
  }
}

async function removeLeftover(files: SpoolFiles, directory: string): Promise<void> {
  try {
    await files.remove(`${directory}/${NEXT_NAME}`);
  } catch {
    // It is not there, as a rule. If it can't be removed, creating it says why.
  }
}
