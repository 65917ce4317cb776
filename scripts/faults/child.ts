/** The delivering process from outside. */
import type { ChildBooks, ChildPlan } from "./delivery_child.ts";
import type { Trial } from "./trial.ts";
import { inTime, until } from "./wait.ts";

const CHILD = decodeURIComponent(new URL("./delivery_child.ts", import.meta.url).pathname);

/** As the agent has it. */
const FLAGS = "--v8-flags=--max-semi-space-size=2";

/** A batch that the process was told is stored. */
export interface StoredBatch {
  readonly firstId: number;
  readonly count: number;
  /** Its numbers in the spool. */
  readonly from: number;
  readonly to: number;
}

/** A started process. Disposing kills it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly stored: readonly StoredBatch[];
  /** The latest it said; `undefined` before the first. */
  readonly books: ChildBooks | undefined;
  /** What it said first: as its spool was opened. */
  readonly firstBooks: ChildBooks | undefined;
  signal(signal: Deno.Signal): void;
  /** Lets it end by itself, and resolves when it has. */
  stop(): Promise<void>;
  readonly ended: Promise<Deno.CommandStatus>;
}

/**
 * Starts it; resolves when its spool is open.
 *
 * @param wrap what starts the command, as `unshare`
 * @param accept told of each batch that is stored; the trial's oracle is, unless told otherwise
 */
export async function startChild(
  trial: Trial,
  plan: ChildPlan,
  wrap: readonly string[] = [],
  accept: (batch: StoredBatch) => void = ({ firstId, count }) =>
    trial.oracle.accept(Array.from({ length: count }, (_, i) => firstId + i)),
): Promise<Child> {
  const [program, ...args] = [...wrap, Deno.execPath(), "run", "-A", "--no-check", FLAGS, CHILD, JSON.stringify(plan)];
  const process = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
  const stored: StoredBatch[] = [];
  let [books, firstBooks]: (ChildBooks | undefined)[] = [];
  let open = false;
  let over = false;
  const reading = (async () => {
    let text = "";
    for await (const more of process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + more).split("\n");
      text = lines.pop()!; // what has no line end is half a line, or nothing
      for (const line of lines) {
        if (line === "open") open = true;
        else if (line.startsWith("S ")) {
          const [firstId, count, from, to] = line.slice(2).split(" ").map(Number) as [number, number, number, number];
          const batch = { firstId, count, from, to };
          stored.push(batch);
          accept(batch);
        } else if (line.startsWith("B ")) {
          books = JSON.parse(line.slice(2));
          firstBooks ??= books;
        }
      }
    }
    over = true;
  })();
  const ended = (async () => {
    await reading;
    return await process.status;
  })();
  const signal = (name: Deno.Signal) => {
    try {
      process.kill(name);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
  };
  const child: Child = {
    pid: process.pid,
    stored,
    get books() {
      return books;
    },
    get firstBooks() {
      return firstBooks;
    },
    signal,
    ended,
    async stop() {
      await process.stdin.close();
      await inTime(ended, "the process to end by itself");
    },
    async [Symbol.asyncDispose]() {
      signal("SIGKILL");
      try {
        await process.stdin.close();
      } catch {
        // It is closed.
      }
      await ended;
    },
  };
  trial.own(child);
  await until(() => open || over, "the process to open its spool");
  if (!open) throw new Error("The process could not open its spool: see its standard error");
  return child;
}
