/** A log file that is set aside when it is long, and the older ones removed. */
import { basename, dirname, join } from "node:path";

/** When files are set aside, and how long they stay. */
export interface LogFileOptions {
  readonly path: string;
  readonly maxBytes: number;
  /** Files beside the one that is written; 0 keeps all. */
  readonly maxBackups: number;
  /** Milliseconds; 0 keeps all. */
  readonly maxAgeMs: number;
}

/** Takes lines. */
export interface LogFile extends Disposable {
  write(line: string): void;
}

/** Opens a log, behind what stands in it. @throws {Deno.errors.NotFound} and others when it can't be opened */
export function openLogFile({ path, maxBytes, maxBackups, maxAgeMs }: LogFileOptions, now: () => number): LogFile {
  const encoder = new TextEncoder();
  let file = open(path);
  let size = file.statSync().size;

  function rotate(): void {
    file.close();
    const aside = `${path}.${new Date(now()).toISOString().replaceAll(":", "-")}`;
    Deno.renameSync(path, aside);
    file = open(path);
    size = 0;
    const backups = [...Deno.readDirSync(dirname(path))].map(({ name }) => name)
      .filter((name) => name.startsWith(`${basename(path)}.2`)).sort().reverse();
    backups.forEach((name, i) => {
      const backup = join(dirname(path), name);
      const isOld = maxAgeMs > 0 && now() - (Deno.statSync(backup).mtime?.getTime() ?? now()) > maxAgeMs;
      if (isOld || maxBackups > 0 && i >= maxBackups) Deno.removeSync(backup);
    });
  }

  return {
    write(line) {
      const bytes = encoder.encode(line);
      if (size > 0 && size + bytes.length > maxBytes) rotate();
      file.writeSync(bytes);
      size += bytes.length;
    },
    [Symbol.dispose]: () => file.close(),
  };
}

function open(path: string): Deno.FsFile {
  return Deno.openSync(path, { append: true, create: true });
}
