/** How long a call may take, as the header `grpc-timeout` says it. */

/** Milliseconds of each unit (gRPC over HTTP/2, "Timeout"). */
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** The most digits that the header may have. */
const MOST = 99_999_999;

/** Milliseconds that a header allows; `undefined` for what is no timeout. */
export function parseTimeout(header: string): number | undefined {
  const [, digits = "", unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  return digits === "" ? undefined : Number(digits) * UNITS[unit]!;
}

/** The header for so many milliseconds: never more than they are, and at least a nanosecond. */
export function formatTimeout(ms: number): string {
  for (const unit of ["n", "u", "m", "S", "M"]) {
    const count = Math.floor(ms / UNITS[unit]!);
    if (count <= MOST) return `${Math.max(count, 1)}${unit}`;
  }
  return `${Math.min(Math.floor(ms / UNITS.H!), MOST)}H`;
}
