/** NetFlow v5, NetFlow v9 (RFC 3954) and IPFIX (RFC 7011) to rows. */
import { FlowBatch } from "../columns_batch.ts";
import { DataRecordReader } from "./data_records.ts";
import { type Datagram, PayloadView, type Trace } from "./datagram.ts";
import { EarlySets } from "./early_sets.ts";
import type { Message } from "./message.ts";
import { NetflowError, Outcome, SetType } from "./outcome.ts";
import { OptionsRecordReader } from "./options_records.ts";
import { EtherType } from "./packet.ts";
import { newRecordLayout } from "./record_layout.ts";
import { FlowState } from "./state.ts";
import { Template } from "./template.ts";
import { TemplateSetReader } from "./template_sets.ts";

/** How NetFlow is decoded, beside what each datagram brings along. */
export interface NetflowOptions {
  /** Fills `firstMs` and `lastMs`. @default false */
  readonly flowTimes?: boolean;
  /** Sets of an unknown template wait for it, a minute at most. @default false */
  readonly queueUnknownSets?: boolean;
  readonly trace?: Trace;
}

const V5_HEADER = 24, V5_RECORD = 48, V9_HEADER = 20, IPFIX_HEADER = 16;
const FIRST_DATA_SET = 256;

/** The record of version 5 as a template: the same elements, always in this order. */
const V5_FIELDS: readonly (readonly [element: number, length: number])[] = [
  [8, 4],
  [12, 4],
  [15, 4],
  [10, 2],
  [14, 2],
  [2, 4],
  [1, 4],
  [22, 4],
  [21, 4],
  [7, 2],
  [11, 2],
  [0, 1],
  [6, 1],
  [4, 1],
  [5, 1],
  [16, 2],
  [17, 2],
  [9, 1],
  [13, 1],
  [0, 2],
];

const NOBODY: Datagram = {
  payload: new Uint8Array(0),
  source: new Uint32Array(4),
  timeS: 0,
  timestampSource: "input",
  decapsulation: "none",
  useSourceAddress: false,
};

/** Decodes NetFlow and IPFIX; what it has to remember is in its state. */
export class NetflowDecoder {
  /** What came of the last datagram. */
  readonly outcome: Outcome = new Outcome();
  readonly state: FlowState;
  readonly #payload = new PayloadView();
  readonly #message: Message;
  readonly #data: DataRecordReader;
  readonly #options: OptionsRecordReader;
  readonly #templates: TemplateSetReader;
  readonly #early: EarlySets | null;
  readonly #trace: Trace;
  readonly #v5 = new Template(0, false, 0, Uint16Array.from(V5_FIELDS.flat()), null, false);

  constructor(state: FlowState = new FlowState(), options: NetflowOptions = {}) {
    const { flowTimes = false, queueUnknownSets = false, trace = {} } = options;
    this.state = state;
    const layout = newRecordLayout(state.limits.fieldsPerTemplate);
    this.#trace = trace;
    this.#data = new DataRecordReader(this.outcome, layout, flowTimes);
    this.#options = new OptionsRecordReader(this.outcome, state, layout, trace);
    this.#templates = new TemplateSetReader(
      this.outcome,
      state,
      (message, template) => this.#accepted(message, template),
    );
    this.#early = queueUnknownSets ? new EarlySets() : null;
    this.#message = {
      datagram: NOBODY,
      batch: new FlowBatch(1),
      octets: this.#payload.octets,
      view: this.#payload.view,
      start: 0,
      version: 0,
      domainId: 0,
      domain: undefined,
      headerS: 0,
      headerMs: 0,
      uptimeMs: 0,
      exporterId: 0,
      rowsLeft: 0,
    };
  }

  /** Appends the rows of a datagram to the batch. Never throws; returns {@linkcode outcome}. */
  decode(datagram: Datagram, batch: FlowBatch): Outcome {
    const { outcome } = this;
    outcome.begin(batch.rows);
    try {
      this.#datagram(datagram, batch);
    } catch (error) {
      batch.discard();
      outcome.failure = error;
    }
    outcome.rows = batch.rows - outcome.firstRow;
    return outcome;
  }

  #datagram(datagram: Datagram, batch: FlowBatch): void {
    const { outcome } = this;
    const { payload } = datagram;
    this.#payload.see(payload);
    const { octets, view } = this.#payload;
    const start = payload.byteOffset, end = start + payload.length;
    if (payload.length < 2) return this.#tooSmall(payload.length, "a version");
    const version = view.getUint16(start);
    outcome.version = version;
    const message = this.#message;
    message.datagram = datagram;
    message.batch = batch;
    message.octets = octets;
    message.view = view;
    message.start = start;
    message.version = version;
    message.domain = undefined;
    message.rowsLeft = payload.length >> 2;
    switch (version) {
      case 5:
        return this.#v5Datagram(message, end);
      case 9:
        return this.#v9Datagram(message, end);
      case 10:
        return this.#ipfixMessage(message, end);
      default:
        outcome.error(NetflowError.unknownVersion, 0, `Cannot read version ${version}: 5, 9 and 10 are known`);
    }
  }

  #tooSmall(length: number, what: string): void {
    this.outcome.error(NetflowError.payloadTooSmall, 0, `Cannot read ${what}: the datagram has ${length} octets`);
  }

  #v5Datagram(message: Message, end: number): void {
    const { outcome } = this;
    const { batch, datagram, view, start } = message;
    if (end - start < V5_HEADER) return this.#tooSmall(end - start, "the header");
    const count = view.getUint16(start + 2);
    message.uptimeMs = view.getUint32(start + 4);
    message.headerS = view.getUint32(start + 8);
    message.headerMs = message.headerS * 1000 + view.getUint32(start + 12) / 1e6;
    message.domainId = 0;
    message.exporterId = batch.addresses.intern(datagram.source, 0);
    outcome.sequence = view.getUint32(start + 16);
    const present = Math.floor((end - start - V5_HEADER) / V5_RECORD);
    if (count > present) {
      outcome.error(NetflowError.countExceedsPayload, 2, `Cannot read ${count} records: ${present} are there`);
    }
    if (datagram.decapsulation !== "none") {
      const why = "Cannot use version 5: it tells nothing of what is inside a tunnel";
      outcome.error(NetflowError.nonEncapsulatedPacket, 0, why);
      return;
    }
    const records = Math.min(count, present);
    const firstRow = batch.rows;
    outcome.sets[SetType.pdu]!++;
    const at = start + V5_HEADER;
    outcome.records[SetType.pdu]! += this.#data.read(message, this.#v5, at, at + records * V5_RECORD);
    // There is no other way to say "unsampled" than 0.
    const rate = (view.getUint16(start + 22) & 0x3fff) || 1;
    for (let row = firstRow; row < batch.rows; row++) {
      batch.samplingRate[2 * row] = rate;
      batch.etype[row] = EtherType.ipv4;
    }
  }

  #v9Datagram(message: Message, end: number): void {
    const { view, start } = message;
    if (end - start < V9_HEADER) return this.#tooSmall(end - start, "the header");
    message.uptimeMs = view.getUint32(start + 4);
    this.#begin(message, view.getUint32(start + 8), view.getUint32(start + 12), view.getUint32(start + 16));
    this.#sets(message, start + V9_HEADER, end, end);
  }

  #ipfixMessage(message: Message, end: number): void {
    const { view, start } = message;
    if (end - start < IPFIX_HEADER) return this.#tooSmall(end - start, "the header");
    const length = view.getUint16(start + 2);
    if (length < IPFIX_HEADER) {
      const why = `Cannot read a message of ${length} octets: its header has ${IPFIX_HEADER}`;
      this.outcome.error(NetflowError.malformedMessage, 2, why);
      return;
    }
    if (length > end - start) {
      const why = `Cannot read a message of ${length} octets: ${end - start} are there`;
      this.outcome.error(NetflowError.malformedMessage, 2, why);
    }
    message.uptimeMs = 0;
    this.#begin(message, view.getUint32(start + 4), view.getUint32(start + 8), view.getUint32(start + 12));
    this.#sets(message, start + IPFIX_HEADER, Math.min(end, start + length), start + length);
  }

  #begin(message: Message, headerS: number, sequence: number, domainId: number): void {
    const { datagram, batch, version } = message;
    message.headerS = headerS;
    message.headerMs = headerS * 1000;
    message.domainId = domainId;
    message.domain = this.state.find(datagram.source)?.domain(version, domainId);
    message.exporterId = batch.addresses.intern(datagram.source, 0);
    this.outcome.domain = domainId;
    this.outcome.sequence = sequence;
  }

  /** @param announcedEnd where the message ends by its own words; beyond `end` if that was counted already */
  #sets(message: Message, at: number, end: number, announcedEnd: number): void {
    const { view, start } = message;
    while (end - at >= 4) {
      const id = view.getUint16(at), length = view.getUint16(at + 2);
      if (length < 4 || length > end - at) {
        if (length < 4 || length > announcedEnd - at) {
          const why = `Cannot read a set of ${length} octets: ${end - at} are there`;
          this.outcome.error(NetflowError.malformedSet, at - start, why);
        }
        return;
      }
      this.#set(message, id, at, at + length);
      at += length;
    }
  }

  #set(message: Message, id: number, at: number, end: number): void {
    const { version } = message;
    const { sets } = this.outcome;
    if (id >= FIRST_DATA_SET) return this.#dataSet(message, id, at, end);
    const template = version === 9 ? 0 : 2;
    const isOptions = id === template + 1;
    if (id !== template && !isOptions) return; // reserved
    sets[isOptions ? SetType.optionsTemplate : SetType.template]!++;
    if (version === 9) this.#templates.readV9(message, isOptions, at + 4, end);
    else this.#templates.readIpfix(message, isOptions, at + 4, end);
  }

  #dataSet(message: Message, id: number, at: number, end: number): void {
    const { outcome } = this;
    const { domain, datagram: { timeS } } = message;
    const template = domain === undefined ? undefined : this.state.template(domain, id, timeS);
    if (template === undefined) {
      outcome.sets[SetType.data]!++;
      outcome.missingTemplates++;
      const why = `Cannot read a set of template ${id}: it was not sent yet`;
      outcome.error(NetflowError.templateMissing, at - message.start, why);
      this.#early?.keep(message, id, at + 4, end, outcome);
      return;
    }
    this.#records(message, template, at + 4, end);
  }

  #records(message: Message, template: Template, at: number, end: number): void {
    const { sets, records } = this.outcome;
    const type = template.isOptions ? SetType.optionsData : SetType.data;
    sets[type]!++;
    records[type]! += template.isOptions
      ? this.#options.read(message, template, at, end)
      : this.#data.read(message, template, at, end);
  }

  #accepted(message: Message, template: Template): void {
    this.#trace.template?.({
      id: template.id,
      domain: message.domainId,
      options: template.isOptions,
      fields: Array.from(
        { length: template.fieldCount },
        (_, i) => [template.enterprise(i), template.fields[2 * i]!, template.fields[2 * i + 1]!] as const,
      ),
    });
    this.#early?.take(message, template.id, this.outcome, (early) => {
      this.#records(early, template, early.start, early.octets.length);
    });
  }
}
