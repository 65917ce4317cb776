import { statfs } from "node:fs/promises";

/** One open file. Nothing but its owner uses it, and one call at a time. */
export interface SpoolFile {
  /** Appends bytes; how many is returned, 1 or more, maybe fewer than were given. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Fills `into` from `offset` on as far as the file has bytes; how many is returned. */
  readAt(offset: number, into: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Bytes in the file. */
  size(): Promise<number>;
  truncate(size: number): Promise<void>;
  /** What was written survives a loss of power once this resolves. */
  sync(): Promise<void>;
  close(): void;
}

/** Room in the file system. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/**
 * The file operations of the spool, so that a test can fail each of them. Paths are absolute or relative to the process;
 * failures are the errors of `Deno`, with their `code` (`ENOSPC`).
 */
export interface SpoolFiles {
  /** Makes a directory (mode 0700) and those above it; one that is there is left as it is. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, in any order. */
  list(path: string): Promise<string[]>;
  /** Makes a file (mode 0600) that was not there, for appending and reading. */
  create(path: string): Promise<SpoolFile>;
  /** Opens a file that is there; `append` also lets it be read and cut. */
  open(path: string, access: "read" | "append"): Promise<SpoolFile>;
  /** Replaces what has the new name. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Names made, changed and removed in a directory survive a loss of power once this resolves. */
  syncDirectory(path: string): Promise<void>;
  /** `null` where it can't be told. */
  space(path: string): Promise<DiskSpace | null>;
}

/** The files of this computer. */
export const realFiles: SpoolFiles = {
  async makeDirectory(path) {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  },
  async list(path) {
    const names: string[] = [];
    for await (const entry of Deno.readDir(path)) if (entry.isFile) names.push(entry.name);
    return names;
  },
  create: async (path) => realFile(await Deno.open(path, { read: true, append: true, createNew: true, mode: 0o600 })),
  open: async (path, access) => realFile(await Deno.open(path, { read: true, append: access === "append" })),
  rename: (from, to) => Deno.rename(from, to),
  remove: (path) => Deno.remove(path),
  async syncDirectory(path) {
    if (Deno.build.os === "windows") return; // its directories can't be opened
    using directory = await Deno.open(path, { read: true });
    await directory.sync();
  },
  async space(path) {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  },
};

function realFile(file: Deno.FsFile): SpoolFile {
  let position = 0; // reads in order need no seek
  return {
    write: (bytes) => {
      position = NaN; // appending moves it
      return file.write(bytes);
    },
    async readAt(offset, into) {
      if (offset !== position) await file.seek(offset, Deno.SeekMode.Start);
      position = NaN; // nobody knows, should reading fail
      let length = 0;
      while (length < into.length) {
        const read = await file.read(into.subarray(length));
        if (read === null) break;
        length += read;
      }
      position = offset + length;
      return length;
    },
    size: async () => (await file.stat()).size,
    truncate: (size) => file.truncate(size),
    sync: () => file.syncData(),
    close: () => file.close(),
  };
}

/** Whether a failure says that there is no room: on the disk, or in a quota. */
export function isDiskFull(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Writes all of `bytes`. @throws when a part can't be written; what was written before it stays */
export async function writeAll(file: SpoolFile, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const written = await file.write(at === 0 ? bytes : bytes.subarray(at));
    if (written <= 0) throw new Error("Cannot write to a file of the spool: nothing was taken");
    at += written;
  }
}
