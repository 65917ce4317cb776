/** Files of an archive on disk: each is complete under its own name, and carries a suffix until then. */
import { pathExists } from "../linux/mod.ts";
import { PARTIAL } from "./rotation.ts";

/** Files that are forced to the disk at a time, and before their names are given. */
const AT_A_TIME = 32;
/** More that wait are waited for. */
const MOST_WAITING = 1024;

/** Below `directory`. Descriptors are open only while something is written. */
export class ArchiveFiles {
  readonly #directory: string;
  readonly #fsync: () => boolean;
  readonly #failed: (path: string, error: unknown) => void;
  readonly #folders = new Set<string>();
  readonly #ending: string[] = [];
  #settling: Promise<void> | undefined;

  /**
   * @param fsync whether files are forced to the disk before they get their names; asked for each
   * @param failed told of a file that could not be given its name
   */
  constructor(directory: string, fsync: () => boolean, failed: (path: string, error: unknown) => void) {
    this.#directory = directory;
    this.#fsync = fsync;
    this.#failed = failed;
  }

  /** Whether a file has the name, be it complete or not. */
  isTaken(path: string): boolean {
    return pathExists(`${this.#directory}/${path}`) || pathExists(`${this.#directory}/${path}${PARTIAL}`);
  }

  /** Makes the folder of a file unless it is there. */
  makeFolder(path: string): void {
    const folder = `${this.#directory}/${path.slice(0, path.lastIndexOf("/"))}`;
    if (this.#folders.has(folder)) return;
    Deno.mkdirSync(folder, { recursive: true });
    if (this.#folders.size > 100) this.#folders.clear();
    this.#folders.add(folder);
  }

  /**
   * Writes behind what a file has, in one call. What could not be written whole is cut off again.
   *
   * @param length bytes that the file has; 0 makes it
   */
  append(path: string, bytes: Uint8Array, length: number): void {
    const file = Deno.openSync(`${this.#directory}/${path}${PARTIAL}`, {
      append: true,
      ...(length === 0 ? { createNew: true } : {}),
    });
    try {
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    } catch (error) {
      file.truncateSync(length);
      throw error;
    } finally {
      file.close();
    }
  }

  /** The file is complete: it gets its name, once it is on the disk if that was asked for. */
  end(path: string): void {
    if (!this.#fsync() || this.#ending.length >= MOST_WAITING) {
      try {
        if (this.#fsync()) this.#syncNow(path);
        this.#rename(path);
      } catch (error) {
        this.#failed(path, error);
      }
      return;
    }
    this.#ending.push(path);
    this.#settling ??= this.#settle();
  }

  /** Resolves when all files that were ended have their names. */
  async settled(): Promise<void> {
    while (this.#settling !== undefined) await this.#settling;
  }

  async #settle(): Promise<void> {
    await Promise.resolve(); // those that end in the same turn come along
    while (this.#ending.length > 0) {
      const paths = this.#ending.splice(0, AT_A_TIME);
      await Promise.all(paths.map(async (path) => {
        try {
          if (this.#fsync()) {
            using file = await Deno.open(`${this.#directory}/${path}${PARTIAL}`, { read: true });
            await file.syncData();
          }
          this.#rename(path);
        } catch (error) {
          this.#failed(path, error);
        }
      }));
      for (const folder of new Set(paths.map((path) => path.slice(0, path.lastIndexOf("/"))))) {
        await this.#syncFolder(`${this.#directory}/${folder}`);
      }
    }
    this.#settling = undefined;
  }

  async #syncFolder(folder: string): Promise<void> {
    try {
      using file = await Deno.open(folder, { read: true });
      await file.sync();
    } catch (error) {
      this.#failed(folder, error);
    }
  }

  #syncNow(path: string): void {
    using file = Deno.openSync(`${this.#directory}/${path}${PARTIAL}`, { read: true });
    file.syncDataSync();
  }

  #rename(path: string): void {
    Deno.renameSync(`${this.#directory}/${path}${PARTIAL}`, `${this.#directory}/${path}`);
  }
}
