/** Files and standard input of the commands. */
import { UsageError } from "./command.ts";

/** The whole of a file, or of standard input for `-`. @throws {UsageError} when it can't be read */
export async function readInput(path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (path === "-") return new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new InputError(path, error);
  }
}

/** A file as a stream, or standard input for `-`. @throws {InputError} when it can't be opened */
export async function openInput(path: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  if (path === "-") return Deno.stdin.readable;
  try {
    return (await Deno.open(path)).readable;
  } catch (error) {
    throw new InputError(path, error);
  }
}

/** A file that was named can't be read. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly code = "cli.input";

  constructor(path: string, cause: unknown) {
    super(`Cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** At most one argument: the path, `-` without one. @throws {UsageError} on a second */
export function onePath(rest: readonly string[]): string {
  if (rest.length > 1) throw new UsageError(`Cannot take ${rest[1]}: one file at a time`);
  return rest[0] ?? "-";
}
