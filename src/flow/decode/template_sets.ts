/** Template sets of NetFlow v9 (RFC 3954 §5.2, §6.1) and IPFIX (RFC 7011 §3.4). */
import type { Message } from "./message.ts";
import { NetflowError, type Outcome, SetType } from "./outcome.ts";
import type { FlowState } from "./state.ts";
import { Template } from "./template.ts";

/** Bit of an element that an enterprise number follows. */
const ENTERPRISE_BIT = 0x8000;
/** Templates below describe sets, not data. */
const FIRST_TEMPLATE = 256;

/** One template as it stands in a set. */
interface Definition {
  readonly at: number;
  readonly id: number;
  readonly isOptions: boolean;
  readonly fieldCount: number;
  readonly scopeFields: number;
  /** Where its fields start. */
  readonly fieldsAt: number;
}

/** Reads template sets into the state. */
export class TemplateSetReader {
  readonly #outcome: Outcome;
  readonly #state: FlowState;
  readonly #accepted: (message: Message, template: Template) => void;

  /** @param accepted hears of each template that holds from now on */
  constructor(outcome: Outcome, state: FlowState, accepted: (message: Message, template: Template) => void) {
    this.#outcome = outcome;
    this.#state = state;
    this.#accepted = accepted;
  }

  /** A template set, or an options template set, of NetFlow v9 in `[at, end)`. */
  readV9(message: Message, isOptions: boolean, at: number, end: number): void {
    const { view } = message;
    const headerLength = isOptions ? 6 : 4;
    while (end - at >= headerLength) {
      const id = view.getUint16(at);
      if (id === 0) return; // padding
      let fieldCount = view.getUint16(at + 2);
      let scopeFields = 0;
      if (isOptions) {
        const scopeLength = fieldCount, optionsLength = view.getUint16(at + 4);
        if (scopeLength % 4 !== 0 || optionsLength % 4 !== 0) {
          return this.#refuse(
            message,
            id,
            at,
            `its lengths are ${scopeLength} and ${optionsLength}, not multiples of 4`,
          );
        }
        scopeFields = scopeLength / 4;
        fieldCount = scopeFields + optionsLength / 4;
      }
      const definition = { at, id, isOptions, fieldCount, scopeFields, fieldsAt: at + headerLength };
      const next = this.#read(message, definition, end, false);
      if (next < 0) return;
      at = next;
    }
  }

  /** A template set, or an options template set, of IPFIX in `[at, end)`. */
  readIpfix(message: Message, isOptions: boolean, at: number, end: number): void {
    const { view } = message;
    while (end - at >= 4) {
      const id = view.getUint16(at), fieldCount = view.getUint16(at + 2);
      if (id === 0 && fieldCount === 0) return; // padding
      if (fieldCount === 0) {
        this.#withdraw(message, isOptions, id, at);
        at += 4;
        continue;
      }
      const headerLength = isOptions ? 6 : 4;
      if (end - at < headerLength) return this.#refuse(message, id, at, "it ends before its scope");
      const scopeFields = isOptions ? view.getUint16(at + 4) : 0;
      if (isOptions && (scopeFields === 0 || scopeFields > fieldCount)) {
        return this.#refuse(message, id, at, `${scopeFields} of its ${fieldCount} fields are its scope`);
      }
      const definition = { at, id, isOptions, fieldCount, scopeFields, fieldsAt: at + headerLength };
      const next = this.#read(message, definition, end, true);
      if (next < 0) return;
      at = next;
    }
  }

  /** @returns where the next template starts; -1 if the set can't be read on */
  #read(message: Message, definition: Definition, end: number, isIpfix: boolean): number {
    const { view } = message;
    const { at, id, fieldCount, fieldsAt } = definition;
    let next = fieldsAt;
    // Each field takes 4 octets at least: what is announced beyond that costs nothing.
    const room = Math.min(fieldCount, end - fieldsAt >> 2);
    const fields = new Uint16Array(2 * room);
    let enterprises: Uint32Array<ArrayBuffer> | null = null;
    for (let i = 0; i < fieldCount; i++) {
      if (end - next < 4) return this.#refuseRest(message, id, at, "its fields run past the end of its set");
      const element = view.getUint16(next);
      fields[2 * i + 1] = view.getUint16(next + 2);
      next += 4;
      if (isIpfix && (element & ENTERPRISE_BIT) !== 0) {
        if (end - next < 4) return this.#refuseRest(message, id, at, "its fields run past the end of its set");
        enterprises ??= new Uint32Array(room);
        enterprises[i] = view.getUint32(next);
        fields[2 * i] = element & ~ENTERPRISE_BIT;
        next += 4;
      } else {
        fields[2 * i] = element;
      }
    }
    this.#outcome.records[definition.isOptions ? SetType.optionsTemplate : SetType.template]!++;
    this.#accept(message, definition, fields, enterprises, isIpfix);
    return next;
  }

  #accept(
    message: Message,
    { at, id, isOptions, fieldCount, scopeFields }: Definition,
    fields: Uint16Array<ArrayBuffer>,
    enterprises: Uint32Array<ArrayBuffer> | null,
    isIpfix: boolean,
  ): void {
    const state = this.#state;
    const { fieldsPerTemplate } = state.limits;
    if (fieldCount > fieldsPerTemplate) {
      return this.#refuse(message, id, at, `it has ${fieldCount} fields, at most ${fieldsPerTemplate} are read`);
    }
    const template = new Template(id, isOptions, scopeFields, fields, enterprises, isIpfix);
    if (id < FIRST_TEMPLATE) return this.#refuse(message, id, at, "ids start at 256");
    if (template.leastLength === 0) return this.#refuse(message, id, at, "its records have no octets");
    const { datagram: { source, timeS }, version, domainId } = message;
    const domain = state.domain(source, version, domainId);
    message.domain = domain;
    this.#accepted(message, state.setTemplate(domain, template, timeS));
  }

  /** RFC 7011 §8.1: an id of its own, or the id of the set for all templates of its kind. */
  #withdraw(message: Message, isOptions: boolean, id: number, at: number): void {
    const { domain } = message;
    const all = isOptions ? 3 : 2;
    if (id < FIRST_TEMPLATE && id !== all) return this.#refuse(message, id, at, "ids start at 256");
    const what = id === all ? "All templates" : `Template ${id}`;
    this.#outcome.error(NetflowError.withdrawal, at - message.start, `${what} of the domain can't be used any more`);
    if (domain === undefined) return;
    if (id === all) this.#state.removeTemplates(domain, isOptions);
    else this.#state.removeTemplate(domain, id);
    this.#afterRemoval(message, domain);
  }

  #refuse(message: Message, id: number, at: number, why: string): void {
    const { domain } = message;
    this.#outcome.error(NetflowError.malformedTemplate, at - message.start, `Cannot use template ${id}: ${why}`);
    if (domain === undefined) return;
    this.#state.removeTemplate(domain, id);
    this.#afterRemoval(message, domain);
  }

  #refuseRest(message: Message, id: number, at: number, why: string): -1 {
    this.#refuse(message, id, at, why);
    return -1;
  }

  /** A domain without templates is forgotten, and with it what else was known. */
  #afterRemoval(message: Message, domain: NonNullable<Message["domain"]>): void {
    if (domain.templates.size === 0) message.domain = undefined;
  }
}
