import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { launcherHead, type PayloadFile } from "./launcher.ts";
import { replaceFile } from "./program.ts";

/** A file that a portable executable carries. */
export interface CarriedFile {
  name: string;
  content: Uint8Array<ArrayBuffer>;
}

/** What a portable executable is made from. */
export interface PortableParts {
  /** Names its directory in the caches. */
  program: string;
  /** The executable that is run. */
  executable: CarriedFile;
  /** What lies beside it once unpacked. */
  beside: readonly CarriedFile[];
  /** The executable's arguments before the user's; `$dir` stands for the directory. */
  args: readonly string[];
  /** Of gzip, 1 to 9. @default {9} */
  level?: number;
}

const pack = promisify<Uint8Array, { level: number }, Uint8Array>(gzip);

/**
 * Writes one executable that carries others: {@linkcode launcherHead} says how it unpacks and runs them. gzip, as every
 * system has it; the same parts give the same bytes.
 *
 * @returns its size in bytes
 */
export async function writePortable(output: string, parts: PortableParts): Promise<number> {
  const carried = [parts.executable, ...parts.beside];
  const packed = await Promise.all(carried.map(({ content }) => pack(content, { level: parts.level ?? 9 })));
  const files = carried.map(({ name, content }, i): PayloadFile => ({
    name,
    sha256: createHash("sha256").update(content).digest("hex"),
    packedBytes: packed[i]?.length ?? 0,
  }));
  // Also of the arguments: two heads never share a directory whose files they would use differently.
  const id = createHash("sha256").update(JSON.stringify([files.map(({ name, sha256 }) => [name, sha256]), parts.args]));
  const head = launcherHead({ program: parts.program, files, id: id.digest("hex").slice(0, 32), args: parts.args });
  const whole = Buffer.concat([new TextEncoder().encode(head), ...packed]);
  await replaceFile(output, async (draft) => {
    await Deno.writeFile(draft, whole, { createNew: true });
    await Deno.chmod(draft, 0o755); // whatever the umask: others may run it, only its owner changes it
  });
  return whole.length;
}
