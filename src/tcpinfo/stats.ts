/** Counts that threads share: numbers by index in memory that each thread writes for itself and any may read. */

/** Where a count stands. All of them grow, but for `open` and `suspects`. */
export const At = {
  /** Every message is one of: archived, unchanged, excluded, duplicate, rejected. */
  messages: 0,
  archived: 1,
  unchanged: 2,
  excludedSourcePort: 3,
  excludedLocal: 4,
  excludedDestination: 5,
  duplicates: 6,
  rejectedShort: 7,
  rejectedAttribute: 8,
  rejectedCookie: 9,
  rejectedBound: 10,

  /** opened = open + closed. */
  opened: 11,
  open: 12,
  closedAbsent: 13,
  closedDestroyed: 14,
  closedShutdown: 15,
  suspects: 16,

  /** Records chosen for writing, those of notifications included. */
  snapshots: 17,
  /** Of these, of connections that were known. */
  changed: 18,
  sentBytes: 19,
  receivedBytes: 20,
  attributesDropped: 21,
  attributesRepeated: 22,

  cycles: 23,
  incompleteCycles: 24,
  lookups: 25,
  lookupFailures: 26,
  failedDump: 27,
  failedStatus: 28,
  failedError: 29,
  failedTruncated: 30,
  failedMalformed: 31,
  failedMemory: 32,
  interrupted: 33,
  wrongSequence: 34,
  wrongPort: 35,
  foreign: 36,

  notifications: 37,
  /** Of connections never seen before. */
  missed: 38,
  /** Of connections that had been closed already. */
  late: 39,
  /** Unusable, or of sockets that were no connections. */
  ignored: 40,
  overflows: 41,
  notificationsDropped: 42,

  sentBelow: 43,
  sentBeyond: 44,
  receivedBelow: 45,
  receivedBeyond: 46,

  files: 47,
  rotateErrors: 48,
  writeErrors: 49,
  lostRecords: 50,
  records: 51,
  recordBytes: 52,
  fileBytes: 53,
  frames: 54,
  unknownFamily: 55,
  repaired: 56,
  blockedMs: 57,
  unsynced: 58,

  /** Records with a structure longer than is known. */
  largeMemInfo: 59,
  largeTcpInfo: 60,
  largeVegasInfo: 61,
  largeSockMemInfo: 62,
  largeDctcpInfo: 63,
  largeBbrInfo: 64,
  /** Records with an attribute that is not known, above INET_DIAG_SOCKOPT. */
  unknownAttributes: 65,
} as const;

const COUNTS = 72;

/** A histogram in the shared memory: upper bounds of its buckets, ascending; one without a bound follows. */
interface Shape {
  readonly start: number;
  readonly bounds: readonly number[];
}

/** `{1, 1.25, …} x scale`. */
function scaled(steps: readonly number[], scales: readonly number[]): number[] {
  return scales.flatMap((scale) => steps.map((step) => Number((step * scale).toPrecision(3))));
}

const MILLISECONDS = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 7.9];
const COUNT_BOUNDS = [
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  ...scaled([10, 12.5, 16, 20, 25, 32, 40, 50, 63, 79], [1, 10, 100, 1000]),
  1e7,
];
const RATE_BOUNDS = [
  0,
  1,
  10,
  100,
  ...scaled([1, 1.58, 2.51, 3.98, 6.31], [1e3, 1e4, 1e5, 1e6, 1e7, 1e8]),
  ...scaled([1, 1.26, 1.58, 2, 2.51, 3.16, 3.98, 5.01, 6.31, 7.94], [1e9]),
  1e10,
];
const SYSCALL_BOUNDS = [...scaled(MILLISECONDS, [1e-3, 1e-2]), 0.1, 0.125, 0.16, 0.2];

let end = COUNTS;
function shape(bounds: readonly number[]): Shape {
  const start = end;
  end += bounds.length + 3; // the bucket without a bound, the sum, the count
  return { start, bounds };
}

/** Histograms by name, those of M-Lab's tcp-info. Seconds, connections, bits a second. */
export const Histogram = {
  syscallV4: shape(SYSCALL_BOUNDS),
  syscallV6: shape(SYSCALL_BOUNDS),
  interval: shape(Array.from({ length: 30 }, (_, ms) => ms / 1000)),
  connectionsV4: shape(COUNT_BOUNDS),
  connectionsV6: shape(COUNT_BOUNDS),
  cache: shape(COUNT_BOUNDS),
  sendRate: shape(RATE_BOUNDS),
  receiveRate: shape(RATE_BOUNDS),
} as const;

/** Names of counts. */
export type StatName = keyof typeof At;
/** Numbers of all counts and histograms. */
export const STATS_LENGTH = end;

/** Zeros, in memory that threads can share. */
export function newStats(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(8 * STATS_LENGTH));
}

/** The sum of what several threads counted. */
export function sumStats(all: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(STATS_LENGTH);
  for (const stats of all) for (let i = 0; i < sum.length; i++) sum[i]! += stats[i]!;
  return sum;
}

/** Adds one value to a histogram. */
export function observe(stats: Float64Array, { start, bounds }: Shape, value: number): void {
  let bucket = 0;
  while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
  stats[start + bucket]!++;
  stats[start + bounds.length + 1]! += value;
  stats[start + bounds.length + 2]!++;
}

/** What a histogram holds: how many values each bucket took, not cumulated. */
export function readHistogram(
  stats: Float64Array,
  { start, bounds }: Shape,
): {
  readonly bounds: readonly number[];
  readonly buckets: Float64Array;
  readonly sum: number;
  readonly count: number;
} {
  return {
    bounds,
    buckets: stats.slice(start, start + bounds.length + 1),
    sum: stats[start + bounds.length + 1]!,
    count: stats[start + bounds.length + 2]!,
  };
}

/** One of {@linkcode Histogram}. */
export type HistogramShape = Shape;
