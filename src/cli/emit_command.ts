/** Runs the command that `limier emit -command` times. */
import type { Clock } from "../clock/mod.ts";
import type { CommandRun, TimedCommand } from "./emit_plan.ts";

/** The command can't be started. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code = "emit.command";

  constructor(program: string, cause: unknown) {
    super(`Cannot run ${program}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Signals that a terminal sends to the command as well; we stay, so that its end is still told. */
const SHARED_SIGNALS = ["SIGINT", "SIGQUIT"] as const;
/** Signals that only we get. */
const PASSED_SIGNALS = ["SIGTERM", "SIGHUP"] as const;

/**
 * Runs a command on our own standard input, output and error to its end.
 *
 * @returns its exit status, 128 and the number of the signal that ended it, and how it ran
 * @throws {CommandError} if it can't be started
 */
export async function runTimed(
  { program, args, env }: TimedCommand,
  clock: Clock,
): Promise<{ status: number; run: CommandRun }> {
  const command = new Deno.Command(program, {
    args: [...args],
    env,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  const startMs = clock.now();
  const start = clock.monotonic();
  // Before the command runs: a signal may come as soon as it does.
  const signals = keepThroughSignals();
  let code: number;
  try {
    const child = spawn(command, program);
    signals.passTo(child);
    code = (await child.status).code;
  } finally {
    signals.restore();
  }
  return {
    status: code,
    run: {
      startNs: BigInt(Math.round(startMs)) * 1_000_000n,
      elapsedNs: BigInt(Math.round((clock.monotonic() - start) * 1e6)),
      failed: code !== 0,
    },
  };
}

function spawn(command: Deno.Command, program: string): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (error) {
    throw new CommandError(program, error);
  }
}

interface KeptSignals {
  /** Signals go to that child, those that came before too. */
  passTo(child: Deno.ChildProcess): void;
  restore(): void;
}

function keepThroughSignals(): KeptSignals {
  let child: Deno.ChildProcess | undefined;
  const early: Deno.Signal[] = [];
  const handlers: [Deno.Signal, () => void][] = [
    ...SHARED_SIGNALS.map((signal): [Deno.Signal, () => void] => [signal, () => {}]),
    ...PASSED_SIGNALS.map((signal): [Deno.Signal, () => void] => [
      signal,
      () => child === undefined ? early.push(signal) : kill(child, signal),
    ]),
  ];
  for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
  return {
    passTo(started) {
      child = started;
      for (const signal of early) kill(started, signal);
    },
    restore() {
      for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
    },
  };
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // It ended in this moment; its status is on the way.
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}
