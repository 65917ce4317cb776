/**
 * How long to wait before the `k`-th try again, `k` from 0: a doubling wait of which half is left to chance.
 *
 * @param random in [0, 1)
 */
export function backoffMs(k: number, initMs: number, maxMs: number, random: number): number {
  const whole = Math.min(maxMs, initMs * 2 ** k);
  return whole / 2 + random * whole / 2;
}
