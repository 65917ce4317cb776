/** What came of a datagram: how much was in it, and what was wrong with it. */

/** The `error` labels of NetFlow and IPFIX; each stands for one condition. */
export const NetflowError = {
  payloadTooSmall: "payload too small",
  unknownVersion: "unknown version",
  templateMissing: "template missing",
  withdrawal: "withdrawal",
  countExceedsPayload: "count exceeds payload",
  malformedMessage: "malformed message",
  malformedSet: "malformed set",
  malformedTemplate: "malformed template",
  malformedDataRecord: "malformed data record",
  nonEncapsulatedPacket: "non-encapsulated packet",
} as const;
export type NetflowError = (typeof NetflowError)[keyof typeof NetflowError];

/** The `error` labels of sFlow. */
export const SflowError = {
  malformedDatagram: "malformed datagram",
  samplesMissing: "samples missing",
  sampleTruncated: "sample truncated",
  recordsMissing: "records missing",
  recordTruncated: "record truncated",
  malformedRecord: "malformed record",
  nonEncapsulatedPacket: "non-encapsulated packet",
} as const;
export type SflowError = (typeof SflowError)[keyof typeof SflowError];

/** The error labels of all decoders. */
export type FlowError = NetflowError | SflowError;

/** The `type` labels of sets and records of NetFlow; {@linkcode Outcome.sets} counts by index. */
export const SET_TYPES = [
  "PDU",
  "TemplateFlowSet",
  "OptionsTemplateFlowSet",
  "OptionsDataFlowSet",
  "DataFlowSet",
] as const;

/** Indexes in {@linkcode SET_TYPES}. */
export const SetType = { pdu: 0, template: 1, optionsTemplate: 2, optionsData: 3, data: 4 } as const;

/** The `type` labels of sFlow samples; {@linkcode Outcome.samples} counts by index. */
export const SAMPLE_TYPES = ["FlowSample", "ExpandedFlowSample", "CounterSample", "DropSample", "unknown"] as const;

/** Indexes in {@linkcode SAMPLE_TYPES}. */
export const SampleType = { flow: 0, expandedFlow: 1, counter: 2, drop: 3, unknown: 4 } as const;

/** One counted error. */
export interface CountedError {
  readonly code: FlowError;
  /** Offset in the datagram. */
  readonly at: number;
  readonly message: string;
}

/** What one datagram gave. The decoder owns it and fills it anew for the next. */
export class Outcome {
  /** 5, 9 or 10; of sFlow 5; another number as it stands in the header, 0 where there is none. */
  version = 0;
  /** Source id or observation domain; of sFlow the sub-agent. */
  domain = 0;
  /** The header's sequence number. */
  sequence = 0;
  /** Its rows are those from here on. */
  firstRow = 0;
  rows = 0;
  readonly errors: CountedError[] = [];
  /** Sets of NetFlow, by {@linkcode SetType}. */
  readonly sets: Uint32Array<ArrayBuffer> = new Uint32Array(SET_TYPES.length);
  /** Records of NetFlow, by {@linkcode SetType}. */
  readonly records: Uint32Array<ArrayBuffer> = new Uint32Array(SET_TYPES.length);
  /** Samples of sFlow, by {@linkcode SampleType}. */
  readonly samples: Uint32Array<ArrayBuffer> = new Uint32Array(SAMPLE_TYPES.length);
  /** Records in the samples of sFlow, by the type of the sample. */
  readonly sampleRecords: Uint32Array<ArrayBuffer> = new Uint32Array(SAMPLE_TYPES.length);
  /** Data sets of an unknown template. */
  missingTemplates = 0;
  /** Rows whose time was wild and became the receive time. */
  clampedTimestamps = 0;
  /** Sets of an unknown template that were kept, that a template made readable, and that were given up. */
  queuedSets = 0;
  recoveredSets = 0;
  droppedSets = 0;
  /** A failure of the decoder itself: nothing in a datagram should cause one. */
  failure: unknown = undefined;

  /** Forgets the last datagram. */
  begin(firstRow: number): void {
    this.version = 0;
    this.domain = 0;
    this.sequence = 0;
    this.firstRow = firstRow;
    this.rows = 0;
    if (this.errors.length > 0) this.errors.length = 0;
    for (let i = 0; i < 5; i++) { // SET_TYPES and SAMPLE_TYPES are five; four calls of fill() took longer than a flow
      this.sets[i] = 0;
      this.records[i] = 0;
      this.samples[i] = 0;
      this.sampleRecords[i] = 0;
    }
    this.missingTemplates = 0;
    this.clampedTimestamps = 0;
    this.queuedSets = 0;
    this.recoveredSets = 0;
    this.droppedSets = 0;
    this.failure = undefined;
  }

  error(code: FlowError, at: number, message: string): void {
    this.errors.push({ code, at, message });
  }
}
