/** Files of an archive on disk: each is complete under its own name, and carries a suffix until then. */
import { pathExists, syncFileSystem } from "../linux/mod.ts";
import { PARTIAL } from "./rotation.ts";

/** Files end together that do so within this time: forcing one to the disk costs as much as forcing many. */
const GATHER_MS = 500;
/** Up to so many are forced to the disk one by one, more with all else on their file system. */
const FEW = 4;
/** More than that do not wait for the disk: a disk that is too slow for it must hold up no records. */
const MOST_WAITING = 16_384;

/** Below `directory`. Descriptors are open only while something is written. */
export class ArchiveFiles {
  readonly #directory: string;
  readonly #fsync: () => boolean;
  readonly #failed: (path: string, error: unknown) => void;
  readonly #folders = new Set<string>();
  readonly #ending: string[] = [];
  #settling: Promise<void> | undefined;
  /** Everything ends: nothing is waited for. */
  readonly #hurry = Promise.withResolvers<void>();

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

  /**
   * The file is complete: it gets its name, once it is on the disk if that was asked for. Where too many wait for the disk
   * already, it gets it at once.
   *
   * @returns whether it is, or will be, forced to the disk as was asked for
   */
  end(path: string): boolean {
    const isSynced = this.#fsync();
    if (isSynced && this.#ending.length < MOST_WAITING) {
      this.#ending.push(path);
      this.#settling ??= this.#settle();
      return true;
    }
    this.#named(path);
    return !isSynced;
  }

  /** Resolves when all files that were ended have their names. */
  async settled(): Promise<void> {
    this.#hurry.resolve();
    while (this.#settling !== undefined) await this.#settling;
  }

  async #settle(): Promise<void> {
    while (this.#ending.length > 0) {
      await this.#gathered();
      const paths = this.#ending.splice(0);
      await this.#syncFiles(paths);
      for (const path of paths) this.#named(path);
      if (!this.#fsync()) continue;
      for (const folder of new Set(paths.map((path) => path.slice(0, path.lastIndexOf("/"))))) {
        await this.#syncFolder(`${this.#directory}/${folder}`);
      }
    }
    this.#settling = undefined;
  }

  /** Waits for others to end, unless all do. */
  async #gathered(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const waited = new Promise<void>((resolve) => timer = setTimeout(resolve, GATHER_MS));
    await Promise.race([waited, this.#hurry.promise]);
    clearTimeout(timer);
  }

  /** Forces files to the disk. One that can't be is told of, and gets its name all the same: it is complete. */
  async #syncFiles(paths: readonly string[]): Promise<void> {
    if (!this.#fsync()) return;
    if (paths.length > FEW) {
      try {
        await syncFileSystem(this.#directory);
      } catch (error) {
        this.#failed(this.#directory, error);
      }
      return;
    }
    for (const path of paths) {
      try {
        using file = await Deno.open(`${this.#directory}/${path}${PARTIAL}`, { read: true });
        await file.syncData();
      } catch (error) {
        this.#failed(path, error);
      }
    }
  }

  async #syncFolder(folder: string): Promise<void> {
    try {
      using file = await Deno.open(folder, { read: true });
      await file.sync();
    } catch (error) {
      this.#failed(folder, error);
    }
  }

  #named(path: string): void {
    try {
      Deno.renameSync(`${this.#directory}/${path}${PARTIAL}`, `${this.#directory}/${path}`);
    } catch (error) {
      this.#failed(path, error);
    }
  }
}
