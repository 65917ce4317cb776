/** A CPU profile that is being taken. One of {@link stop} and disposal ends it. */
export interface CpuProfile extends Disposable {
  /** Ends it: the JSON of a `.cpuprofile` file, as Chrome's developer tools and speedscope open it. */
  stop(): Promise<string>;
}

/** This runtime, or its permissions, allow no CPU profile; the message says why. */
export class CpuProfileUnavailable extends Error {
  override readonly name = "CpuProfileUnavailable";
  readonly code = "telemetry.cpu_profile";
}

/**
 * Starts to profile the thread it is called on.
 *
 * @throws {CpuProfileUnavailable} where it can't: no `node:inspector`, or no `--allow-sys=inspector`
 */
export async function startCpuProfile(): Promise<CpuProfile> {
  try {
    const { Session } = await import("node:inspector/promises");
    const session = new Session();
    session.connect();
    try {
      await session.post("Profiler.enable");
      await session.post("Profiler.start");
    } catch (error) {
      session.disconnect();
      throw error;
    }
    let stopped = false;
    const disconnect = () => {
      if (!stopped) session.disconnect();
      stopped = true;
    };
    return {
      async stop() {
        const { profile } = await session.post("Profiler.stop");
        disconnect();
        return JSON.stringify(profile);
      },
      [Symbol.dispose]: disconnect,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CpuProfileUnavailable(`Cannot take a CPU profile: ${reason}`, { cause: error });
  }
}
