import type { Clock } from "../clock/mod.ts";

/** A terminal and a wrapper may each pass on the same signal: what follows so closely, in milliseconds, is that one. */
const SAME_SIGNAL_MS = 250;

/** What signals ask of a program. */
export interface SignalActions {
  /** Begins the stop. It is asked once: a second signal ends the process with 1. */
  stop(signal: Deno.Signal): void;
  /** SIGHUP; one after the other. */
  reload(): Promise<void>;
  /** Takes what a reload fails with. */
  crash(error: unknown): void;
}

/**
 * Listens for SIGTERM, SIGINT and SIGUSR2, which stop a program, and for SIGHUP.
 *
 * @param more signals that stop it too
 * @returns what resolves when no reload is under way any more
 */
export function listenForSignals(
  actions: SignalActions,
  { clock, more = [] }: { readonly clock: Clock; readonly more?: readonly Deno.Signal[] },
): () => Promise<void> {
  let signals = 0, firstMs = 0;
  const stop = (signal: Deno.Signal) => {
    const nowMs = clock.monotonic();
    if (signals > 0 && nowMs - firstMs < SAME_SIGNAL_MS) return;
    if (++signals > 1) Deno.exit(1);
    firstMs = nowMs;
    actions.stop(signal);
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGUSR2", ...more] as const) {
    Deno.addSignalListener(signal, () => stop(signal));
  }
  let reload = Promise.resolve();
  Deno.addSignalListener("SIGHUP", () => {
    reload = reload.then(() => actions.reload()).catch((error) => actions.crash(error));
  });
  return () => reload;
}
