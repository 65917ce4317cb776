import type { DiskSpace, SpoolFile, SpoolFiles } from "./files.ts";

/** An operation that changes something. */
export interface Operation {
  /** Counts from 0. */
  readonly index: number;
  readonly kind: "create" | "write" | "truncate" | "sync" | "rename" | "remove" | "syncDirectory" | "makeDirectory";
  readonly path: string;
  /** Bytes, of a write. */
  readonly size: number;
}

/** What happens to an operation instead of what was asked for. */
export interface Fault {
  /** So many bytes of a write are written first. @default none, all of it when nothing else is set */
  readonly written?: number;
  /** Then it fails with this. */
  readonly error?: Error;
  /** Then the process ends: neither this call nor any later one returns. */
  readonly crash?: boolean;
}

/** What a loss of power leaves. */
export interface PowerLoss {
  /** Whether names that weren't synced are as they were, or as they are. */
  readonly names: "old" | "new";
  /** What is left of the bytes that weren't synced. */
  readonly bytes: "none" | "half" | "zeros";
}

interface Inode {
  bytes: Uint8Array<ArrayBuffer>;
  synced: Uint8Array<ArrayBuffer>;
}

/** A file system in memory that fails when it is told to, and remembers what a loss of power would leave. For tests. */
export class MemoryFiles implements SpoolFiles {
  /** What happens to an operation. */
  fault: (operation: Operation) => Fault | undefined = () => undefined;
  /** Bytes it has room for. */
  capacityBytes = Infinity;
  /** What `space` says is free; `undefined`: it can't tell. */
  freeBytes: number | undefined;
  /** Operations so far. */
  operations = 0;
  /** Resolves at a crash. */
  readonly crashed: Promise<void>;
  #names = new Map<string, Inode>();
  #syncedNames = new Map<string, Inode>();
  #crash: () => void;
  #isCrashed = false;

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.crashed = promise;
    this.#crash = resolve;
    for (const [path, bytes] of files) this.put(path, bytes);
  }

  /** The files as they are when the process is killed. */
  afterKill(): MemoryFiles {
    return new MemoryFiles(new Map([...this.#names].map(([path, { bytes }]) => [path, bytes])));
  }

  /** The files as a loss of power may leave them. */
  afterPowerLoss({ names, bytes: left }: PowerLoss): MemoryFiles {
    const files = new Map<string, Uint8Array>();
    for (const [path, { bytes, synced }] of names === "old" ? this.#syncedNames : this.#names) {
      const after = left === "none" ? synced : bytes.slice();
      if (left !== "none" && bytes.length > synced.length) {
        const keep = left === "zeros" ? synced.length : synced.length + (bytes.length - synced.length >> 1);
        if (left === "zeros") after.fill(0, keep);
        files.set(path, left === "zeros" ? after : after.subarray(0, keep));
      } else files.set(path, after);
    }
    return new MemoryFiles(files);
  }

  /** Paths and their bytes. */
  get contents(): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
    return new Map([...this.#names].map(([path, { bytes }]) => [path, bytes]));
  }

  /** Sets a file's bytes behind the spool's back; `undefined` removes it. */
  put(path: string, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      this.#names.delete(path);
      this.#syncedNames.delete(path);
      return;
    }
    const inode = { bytes: new Uint8Array(bytes), synced: new Uint8Array(bytes) };
    this.#names.set(path, inode);
    this.#syncedNames.set(path, inode);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#change("makeDirectory", path, 0, () => {});
  }

  async list(directory: string): Promise<string[]> {
    await this.#alive();
    return [...this.#names.keys()].filter((path) => path.startsWith(`${directory}/`))
      .map((path) => path.slice(directory.length + 1));
  }

  create(path: string): Promise<SpoolFile> {
    return this.#change("create", path, 0, () => {
      if (this.#names.has(path)) throw new Deno.errors.AlreadyExists(path);
      const inode: Inode = { bytes: new Uint8Array(0), synced: new Uint8Array(0) };
      this.#names.set(path, inode);
      return this.#file(path, inode);
    });
  }

  async open(path: string): Promise<SpoolFile> {
    await this.#alive();
    const inode = this.#names.get(path);
    if (inode === undefined) throw new Deno.errors.NotFound(path);
    return this.#file(path, inode);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change("rename", to, 0, () => {
      const inode = this.#names.get(from);
      if (inode === undefined) throw new Deno.errors.NotFound(from);
      this.#names.set(to, inode);
      this.#names.delete(from);
    });
  }

  remove(path: string): Promise<void> {
    return this.#change("remove", path, 0, () => {
      if (!this.#names.delete(path)) throw new Deno.errors.NotFound(path);
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#change("syncDirectory", path, 0, () => {
      this.#syncedNames = new Map(this.#names);
    });
  }

  async space(): Promise<DiskSpace | null> {
    await this.#alive();
    return this.freeBytes === undefined ? null : { freeBytes: this.freeBytes, totalBytes: 2 ** 40 };
  }

  #file(path: string, inode: Inode): SpoolFile {
    return {
      write: (bytes) => this.#write(path, inode, bytes),
      readAt: async (offset, into) => {
        await this.#alive();
        const part = inode.bytes.subarray(offset, offset + into.length);
        into.set(part);
        return part.length;
      },
      size: async () => {
        await this.#alive();
        return inode.bytes.length;
      },
      truncate: (size) => this.#change("truncate", path, size, () => void (inode.bytes = inode.bytes.slice(0, size))),
      sync: () => this.#change("sync", path, 0, () => void (inode.synced = inode.bytes)),
      close: () => {},
    };
  }

  async #write(path: string, inode: Inode, bytes: Uint8Array): Promise<number> {
    const append = (size: number) => {
      const grown = new Uint8Array(inode.bytes.length + size);
      grown.set(inode.bytes);
      grown.set(bytes.subarray(0, size), inode.bytes.length);
      inode.bytes = grown;
    };
    await this.#alive();
    const fault = this.fault({ index: this.operations++, kind: "write", path, size: bytes.length });
    if (fault !== undefined) {
      const written = fault.written ?? (fault.error !== undefined || fault.crash ? 0 : bytes.length);
      append(written);
      if (fault.crash) return await this.#end();
      if (fault.error !== undefined) throw fault.error;
      return written;
    }
    const room = this.capacityBytes - [...this.#names.values()].reduce((sum, each) => sum + each.bytes.length, 0);
    if (room <= 0) throw noSpace();
    const size = Math.min(room, bytes.length);
    append(size);
    return size;
  }

  async #change<T>(kind: Operation["kind"], path: string, size: number, apply: () => T): Promise<T> {
    await this.#alive();
    const fault = this.fault({ index: this.operations++, kind, path, size });
    if (fault?.crash) return await this.#end();
    if (fault?.error !== undefined) throw fault.error;
    return apply();
  }

  #alive(): Promise<void> {
    return this.#isCrashed ? new Promise(() => {}) : Promise.resolve();
  }

  #end(): Promise<never> {
    this.#isCrashed = true;
    this.#crash();
    return new Promise(() => {});
  }
}

/** What a full disk answers. */
export function noSpace(): Error {
  return Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
}

/** What a broken disk answers. */
export function ioError(): Error {
  return Object.assign(new Error("Input/output error (os error 5)"), { code: "EIO" });
}
