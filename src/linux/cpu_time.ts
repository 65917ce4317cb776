import { succeed } from "./errno.ts";
import { openLibc } from "./libc.ts";

// include/uapi/linux/time.h
const CLOCK_PROCESS_CPUTIME_ID = 2;
const CLOCK_THREAD_CPUTIME_ID = 3;

/**
 * CPU time that the calling thread has used, user and system, in nanoseconds. Exact as a `number` for 104 days.
 *
 * @throws {LinuxUnavailable}
 */
export function threadCpuTimeNs(): number {
  return cpuTimeNs(CLOCK_THREAD_CPUTIME_ID);
}

/** CPU time that all threads of the process have used, in nanoseconds. @throws {LinuxUnavailable} */
export function processCpuTimeNs(): number {
  return cpuTimeNs(CLOCK_PROCESS_CPUTIME_ID);
}

function cpuTimeNs(clock: number): number {
  const libc = openLibc();
  const timespec = new BigInt64Array(2);
  succeed(
    libc,
    { syscall: "clock_gettime", action: `read CPU clock ${clock}` },
    () => libc.clock_gettime(clock, timespec),
  );
  return Number(timespec[0] ?? 0n) * 1e9 + Number(timespec[1] ?? 0n);
}
