/** What a source measures itself with: its samples join the same aggregation as any other. */
export interface Meter {
  /** Adds `value` to a counter. */
  count(name: string, value: number, tags?: readonly string[]): void;
  /** Sets a gauge. */
  gauge(name: string, value: number, tags?: readonly string[]): void;
  /** Adds one sample to a timer; by DogStatsD's custom in milliseconds. */
  timing(name: string, value: number, tags?: readonly string[]): void;
  /** Adds a member to a set. */
  set(name: string, member: string, tags?: readonly string[]): void;
}

/** A meter for whoever does not want to measure. */
export const discardingMeter: Meter = { count() {}, gauge() {}, timing() {}, set() {} };
