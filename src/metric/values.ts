/** How a point's value is to be read: a `rate` is per second, a `count` is the interval's total. */
export type PointType = "rate" | "gauge" | "count";

/** One value of one series at one time, as a flush hands it to destinations. Never changed once made. */
export interface Point {
  readonly name: string;
  readonly type: PointType;
  /** Always finite. */
  readonly value: number;
  /** Whole Unix seconds. */
  readonly timestamp: number;
  readonly tags: readonly string[];
  /** Absent: no host at all. */
  readonly host?: string;
  readonly device?: string;
  /** Whole seconds over which a `rate` was taken; absent on gauges and below one second. */
  readonly interval?: number;
  /** Interval total of a `rate`, exact where `value * interval` would round. */
  readonly total?: number;
  /** Names of the only outputs that get it; absent: all. */
  readonly sinks?: readonly string[];
}

/** A DogStatsD event. Absent optional fields were not sent, but for the documented defaults. */
export interface Event {
  readonly title: string;
  readonly text: string;
  /** Whole Unix seconds; the receive time when none was sent. */
  readonly timestamp: number;
  readonly host?: string;
  readonly aggregationKey?: string;
  readonly priority: "normal" | "low";
  readonly sourceType?: string;
  readonly alertType: "error" | "warning" | "info" | "success";
  /** In the order sent. */
  readonly tags: readonly string[];
}

/** 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
export type CheckStatus = 0 | 1 | 2 | 3;

/** A DogStatsD service check. */
export interface Check {
  readonly name: string;
  readonly status: CheckStatus;
  /** Whole Unix seconds; the receive time when none was sent. */
  readonly timestamp: number;
  readonly host?: string;
  /** In the order sent. */
  readonly tags: readonly string[];
  readonly message?: string;
}

/** One sample carried by a span, or standing alone. */
export interface SpanSample {
  readonly metric: "counter" | "gauge" | "histogram" | "set" | "status";
  readonly name: string;
  /** 0 for a set, whose member is `message`. */
  readonly value: number;
  /** Unix nanoseconds; 0 when none was sent. */
  readonly timestampNs: bigint;
  readonly message: string;
  readonly status: CheckStatus;
  /** In (0, 1]. */
  readonly sampleRate: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly unit: string;
  readonly scope: "mixed" | "local" | "global";
}

/** An SSF span. 64-bit identities are exact. */
export interface Span {
  readonly version: number;
  readonly traceId: bigint;
  readonly id: bigint;
  readonly parentId: bigint;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly error: boolean;
  readonly service: string;
  readonly name: string;
  readonly indicator: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly metrics: readonly SpanSample[];
  readonly rootStartNs: bigint;
  /** The `resource` of a span in the form of 2017, which had a field for it. */
  readonly resource?: string;
  /** Came in the form of 2017. */
  readonly legacy?: boolean;
  /** The status of a span in the form of 2017, which had no error flag; absent when OK. */
  readonly legacyStatus?: CheckStatus;
}
