/**
 * Compiles the C programs that measurements are compared with: `deno run -A scripts/floor/build.ts`.
 *
 * @module
 */

/** The programs, by the name of their source without `.c`. */
export type FloorProgram = "recv_floor" | "walk_floor" | "netlink_floor" | "netlink_sockets" | "flow_walk";

/**
 * Compiles one into a directory, `dist/floor/`, with `cc -O2`, unless it is there and newer than its source.
 *
 * @returns the path of the executable; null, with the reason on standard error, where there is no C compiler or it fails
 */
export async function buildFloor(
  program: FloorProgram,
  compiler: string = Deno.env.get("CC") ?? "cc",
  directory: URL = new URL("../../dist/floor/", import.meta.url),
): Promise<string | null> {
  const source = new URL(`./${program}.c`, import.meta.url);
  const target = new URL(program, directory);
  if (await modified(target) > await modified(source)) return decodeURIComponent(target.pathname);
  await Deno.mkdir(directory, { recursive: true });
  // Built aside and moved, so that two builds at a time never run half a file.
  const draft = `${decodeURIComponent(target.pathname)}.${crypto.randomUUID()}`;
  const reason = await compile(compiler, ["-O2", "-Wall", "-o", draft, decodeURIComponent(source.pathname)]);
  if (reason !== null) {
    console.error(`Cannot build ${program}: ${reason}`);
    return null;
  }
  await Deno.rename(draft, target);
  return decodeURIComponent(target.pathname);
}

async function compile(compiler: string, args: string[]): Promise<string | null> {
  try {
    const { success, stderr } = await new Deno.Command(compiler, { args, stdout: "null", stderr: "piped" }).output();
    return success ? null : `${compiler} failed:\n${new TextDecoder().decode(stderr).trim()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no C compiler named ${compiler}; name one in CC`;
    throw error;
  }
}

/** Unix milliseconds; 0 if there is no such file. */
async function modified(file: URL): Promise<number> {
  try {
    return (await Deno.stat(file)).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

if (import.meta.main) {
  const path = await buildFloor("recv_floor");
  if (path === null) Deno.exit(1);
  console.log(path);
}
