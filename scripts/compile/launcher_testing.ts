import assert from "node:assert/strict";
import { join } from "node:path";
import { writePortable } from "./portable.ts";
import { projectIn } from "./testing.ts";

/** Stands in for Deno: does what its first argument after the fixed ones says. */
const STAND_IN = `#!/bin/sh
[ "$1" != --version ] || exit 0
[ "$1 $2" = "run $(dirname "$0")/main.js" ] || { echo "started with $1 $2" >&2; exit 99; }
shift 2
case $1 in
  where) dirname "$0" ;;
  args) shift; for one; do printf '[%s]' "$one"; done ;;
  pid) echo $$ ;;
  cat) cat; echo >&2 "to standard error" ;;
  exit) exit "$2" ;;
  env) env ;;
  umask) umask; pwd ;;
  fd3) cat <&3 ;;
  wait) trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.05; done ;;
  program) cat "$(dirname "$0")/main.js" ;;
esac
`;

/** A portable executable of the tests' own; disposing removes it and what it unpacked. */
export interface Portable extends AsyncDisposable {
  path: string;
  /** Its directory in the caches bears this name. */
  program: string;
  /** Where XDG_CACHE_HOME, HOME and TMPDIR point: `xdg`, `home`, `tmp`. */
  root: string;
}

/**
 * Makes one whose program does what its first argument says.
 *
 * @param ballastBytes a file of noise behind the others: gzip can't shrink it
 */
export async function makePortable(ballastBytes = 0): Promise<Portable> {
  const project = await projectIn({ "xdg/x": "", "home/x": "", "tmp/x": "" });
  const program = `limier-test-${crypto.randomUUID().slice(0, 8)}`;
  const path = join(project.root, "the program");
  const encoder = new TextEncoder();
  await writePortable(path, {
    program,
    executable: { name: "deno", content: encoder.encode(STAND_IN) },
    beside: [
      { name: "main.js", content: encoder.encode("the program's text\n") },
      ...(ballastBytes === 0 ? [] : [{ name: "ballast", content: noise(ballastBytes) }]),
    ],
    args: ["run", "$dir/main.js"],
    level: 1,
  });
  return {
    path,
    program,
    root: project.root,
    async [Symbol.asyncDispose]() {
      await project[Symbol.asyncDispose]();
      await Deno.remove(join("/var/cache", program), { recursive: true }).catch((error: unknown) => {
        // Made only where a test took the first choice away and root runs it.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    },
  };
}

function noise(length: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    return state >>> 24;
  });
}

/** How it is started. */
export interface Start {
  env?: Record<string, string>;
  stdin?: string;
  cwd?: string;
  /** A shell to hand the file to, or a command that execs it as `$0`. */
  by?: string[];
}

/** A start of it, in an environment of its own. */
export function command({ path, root }: Portable, args: string[], { env, cwd, by = [] }: Start = {}): Deno.Command {
  const [first = path, ...rest] = [...by, path, ...args];
  return new Deno.Command(first, {
    args: rest,
    clearEnv: true,
    env: {
      PATH: "/usr/bin:/bin",
      XDG_CACHE_HOME: join(root, "xdg"),
      HOME: join(root, "home"),
      TMPDIR: join(root, "tmp"),
      ...env,
    },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Starts it and waits for its end. */
export async function run(portable: Portable, args: string[], start: Start = {}) {
  const child = command(portable, args, start).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(start.stdin ?? ""));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Starts it, and tells where it was unpacked. */
export async function where(portable: Portable, start: Start = {}): Promise<string> {
  const { code, stdout, stderr } = await run(portable, ["where"], start);
  assert.equal(code, 0, stderr);
  return stdout.trimEnd();
}
