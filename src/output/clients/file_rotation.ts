/** When a file is put aside, and how many are kept. */
export interface FileRotation {
  /** Named as its key is, so that the settings in force read like those that are written. */
  readonly max_bytes: number;
  /** Old files: `PATH.1` is the newest, `PATH.KEEP` the oldest. */
  readonly keep: number;
}

/**
 * Renames `path` to `path.1`, `path.1` to `path.2` and so on, if `path` would grow past the limit by `moreBytes`. The
 * oldest is overwritten. What is no regular file, or is empty, stays.
 *
 * @returns whether it was renamed
 */
export async function rotateWhenFull(path: string, moreBytes: number, rotation: FileRotation): Promise<boolean> {
  const info = await unlessMissing(Deno.stat(path));
  if (info === undefined || !info.isFile || info.size === 0 || info.size + moreBytes <= rotation.max_bytes) {
    return false;
  }
  for (let n = rotation.keep; n > 1; n--) await unlessMissing(Deno.rename(`${path}.${n - 1}`, `${path}.${n}`));
  await Deno.rename(path, `${path}.1`);
  return true;
}

async function unlessMissing<T>(done: Promise<T>): Promise<T | undefined> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
