/** Records about the exporter: sampling rates and its clock. */
import type { Trace } from "./datagram.ts";
import { Element, Enterprise } from "./elements.ts";
import type { Message } from "./message.ts";
import { NetflowError, type Outcome } from "./outcome.ts";
import { layOut, type RecordLayout } from "./record_layout.ts";
import { readNumber } from "./run_plan.ts";
import { rateOf, readProbability } from "./sampling.ts";
import type { FlowState } from "./state.ts";
import type { Template } from "./template.ts";

/** Scope types of NetFlow v9 (RFC 3954 §6.1), which are no elements. */
const V9_SCOPES = ["", "system", "interface", "lineCard", "cache", "template"];
const V9_INTERFACE = 2;

/** Names that options are shown by; others by their number. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Element).map(([name, id]) => [id as number, name]),
);

/** Reads options records into the state. */
export class OptionsRecordReader {
  readonly #outcome: Outcome;
  readonly #state: FlowState;
  readonly #layout: RecordLayout;
  readonly #trace: Trace;

  constructor(outcome: Outcome, state: FlowState, layout: RecordLayout, trace: Trace) {
    this.#outcome = outcome;
    this.#state = state;
    this.#layout = layout;
    this.#trace = trace;
  }

  /** Reads the records in `[at, end)`. @returns how many there were */
  read(message: Message, template: Template, at: number, end: number): number {
    let count = 0;
    while (end - at >= template.leastLength) {
      const recordEnd = layOut(template, message.octets, at, end, this.#layout);
      if (recordEnd < 0) {
        const why = `Cannot read a record of options template ${template.id}: a field runs past the end of its set`;
        this.#outcome.error(NetflowError.malformedDataRecord, at - message.start, why);
        return count;
      }
      this.#readOne(message, template, at);
      this.#trace.options?.(this.#shown(message, template, at));
      count++;
      at = recordEnd;
    }
    return count;
  }

  #readOne(message: Message, template: Template, at: number): void {
    const { view, version, domain } = message;
    if (domain === undefined) return;
    const { offsets, lengths } = this.#layout;
    let sampler = -1, iface = -1;
    let told = 0, interval = 0, space = 0, size = 0, population = 0, probability = 0;
    for (let i = 0; i < template.fieldCount; i++) {
      if (template.enterprise(i) !== Enterprise.none) continue;
      const element = template.fields[2 * i]!;
      const isScope = i < template.scopeFields;
      const fieldAt = at + offsets[i]!, length = lengths[i]!;
      if (isScope && version === 9 && element < V9_SCOPES.length) {
        if (element === V9_INTERFACE) iface = readNumber(view, fieldAt, length);
        continue;
      }
      switch (element) {
        case Element.ingressInterface:
        case Element.egressInterface:
          if (isScope) iface = readNumber(view, fieldAt, length);
          break;
        case Element.samplerId:
        case Element.selectorId:
          sampler = readNumber(view, fieldAt, length);
          break;
        case Element.samplingInterval:
        case Element.samplerRandomInterval:
          if (told === 0) told = readNumber(view, fieldAt, length);
          break;
        case Element.samplingPacketInterval:
          interval = readNumber(view, fieldAt, length);
          break;
        case Element.samplingPacketSpace:
          space = readNumber(view, fieldAt, length);
          break;
        case Element.samplingSize:
          size = readNumber(view, fieldAt, length);
          break;
        case Element.samplingPopulation:
          population = readNumber(view, fieldAt, length);
          break;
        case Element.samplingProbability:
          probability = readProbability(view, fieldAt, length);
          break;
        case Element.systemInitTimeMilliseconds:
          this.#state.setSystemInit(domain, readNumber(view, fieldAt, length));
      }
    }
    const rate = told !== 0 ? told : rateOf({ interval, space, size, population, probability });
    if (rate === 0 || rate > Number.MAX_SAFE_INTEGER) return;
    if (sampler >= 0) this.#state.setRate(domain, "sampler", sampler, rate);
    else if (iface >= 0) this.#state.setRate(domain, "interface", iface, rate);
    else this.#state.setRate(domain, "sampler", 0, rate);
  }

  #shown({ octets, view, version }: Message, template: Template, at: number): Record<string, number | bigint | string> {
    const shown: Record<string, number | bigint | string> = {};
    for (let i = 0; i < template.fieldCount; i++) {
      const element = template.fields[2 * i]!, enterprise = template.enterprise(i);
      const isV9Scope = version === 9 && i < template.scopeFields && element < V9_SCOPES.length;
      const name = isV9Scope
        ? `scope_${V9_SCOPES[element]}`
        : enterprise !== Enterprise.none
        ? `${enterprise}:${element}`
        : NAMES.get(element) ?? String(element);
      const fieldAt = at + this.#layout.offsets[i]!, length = this.#layout.lengths[i]!;
      if (length === 8) shown[name] = view.getBigUint64(fieldAt);
      else if (length > 0 && length < 8) shown[name] = readNumber(view, fieldAt, length);
      else shown[name] = octets.subarray(fieldAt, fieldAt + length).toHex();
    }
    return shown;
  }
}
