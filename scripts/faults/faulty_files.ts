/** Real files whose syncs fail when they are told to. */
import type { SpoolFile, SpoolFiles } from "../../src/output/mod.ts";

/** What is about to happen to a file. */
export type FileOperation = "sync" | "write" | "create" | "rename" | "syncDirectory";

/** File operations of this computer, each of which can be made to fail. */
export class FaultyFiles implements SpoolFiles {
  /** The error that an operation ends with instead; `undefined`: it is done. */
  fault: (operation: FileOperation, path: string) => Error | undefined = () => undefined;
  /** Syncs that worked, by path, with how many bytes the file had. */
  readonly synced = new Map<string, number>();

  async makeDirectory(path: string): Promise<void> {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  }

  async list(path: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { isFile, name } of Deno.readDir(path)) if (isFile) names.push(name);
    return names;
  }

  async create(path: string): Promise<SpoolFile> {
    this.#fail("create", path);
    return this.#file(path, await Deno.open(path, { read: true, append: true, createNew: true, mode: 0o600 }));
  }

  async open(path: string, access: "read" | "append"): Promise<SpoolFile> {
    return this.#file(path, await Deno.open(path, { read: true, append: access === "append" }));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#fail("rename", to);
    await Deno.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return Deno.remove(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#fail("syncDirectory", path);
    using directory = await Deno.open(path, { read: true });
    await directory.sync();
  }

  space(): Promise<null> {
    return Promise.resolve(null);
  }

  #fail(operation: FileOperation, path: string): void {
    const error = this.fault(operation, path);
    if (error !== undefined) throw error;
  }

  #file(path: string, file: Deno.FsFile): SpoolFile {
    return {
      write: async (bytes) => {
        this.#fail("write", path);
        return await file.write(bytes);
      },
      readAt: async (offset, into) => {
        await file.seek(offset, Deno.SeekMode.Start);
        let length = 0;
        for (let read; length < into.length && (read = await file.read(into.subarray(length))) !== null;) {
          length += read;
        }
        return length;
      },
      size: async () => (await file.stat()).size,
      truncate: (size) => file.truncate(size),
      sync: async () => {
        this.#fail("sync", path);
        await file.syncData();
        this.synced.set(path, (await file.stat()).size);
      },
      close: () => file.close(),
    };
  }
}

/** What a broken disk answers. */
export function ioError(): Error {
  return Object.assign(new Error("Input/output error (os error 5)"), { code: "EIO" });
}
