/**
 * How long to wait before the `k`-th retry in a row, `k` from 0: a doubling wait of which half is left to chance, so that
 * many agents that lost one destination do not come back at one moment.
 *
 * @param random in [0, 1)
 */
export function backoffMs(k: number, initMs: number, maxMs: number, random: number): number {
  const whole = Math.min(maxMs, initMs * 2 ** k);
  return whole / 2 + random * whole / 2;
}
