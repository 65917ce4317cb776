/** A template turned once into a list of actions, so that records need no look at what an element means. */
import { type BatchField, fieldIds, fieldShape } from "../columns_batch.ts";
import {
  BYTE_DELTAS,
  Element,
  ELEMENT_USES,
  type ElementUse,
  Enterprise,
  ICMP_ELEMENTS,
  MIRRORED,
  NEXT_HOPS,
  OF_PACKET,
  PACKET_DELTAS,
} from "./elements.ts";
import { PACKET_FIELDS } from "./packet.ts";
import { type Action, Code, type FieldPlace, type Plan, type RatePlaces, type TimePlaces } from "./plan.ts";
import { type Template, VARIABLE } from "./template.ts";

/** For whom a plan is made. */
export interface PlanOptions {
  /** The other direction of a biflow. */
  readonly reverse: boolean;
  /** Packets are in a tunnel: only the inner one counts. */
  readonly tunnel: boolean;
}

/** Start elements in the order in which they are asked, each with its end. */
const TIMES: readonly (readonly [start: number, end: number])[] = [
  [Element.flowStartSeconds, Element.flowEndSeconds],
  [Element.flowStartMilliseconds, Element.flowEndMilliseconds],
  [Element.flowStartMicroseconds, Element.flowEndMicroseconds],
  [Element.flowStartNanoseconds, Element.flowEndNanoseconds],
  [Element.flowStartDeltaMicroseconds, Element.flowEndDeltaMicroseconds],
];
const UPTIMES = [Element.firstSwitched, Element.lastSwitched] as const;

interface EffectiveField extends FieldPlace {
  readonly element: number;
  readonly enterprise: number;
}

/** Whether a template describes both directions of a flow. */
export function isBiflow(template: Template): boolean {
  return template.enterprises?.includes(Enterprise.reverse) ?? false;
}

/** Makes the plan of a template that describes flows. */
export function compilePlan(template: Template, version: number, { reverse, tunnel }: PlanOptions): Plan {
  const all = allFields(template);
  const fields = reverse ? reverseFields(all) : all.filter(({ enterprise }) => enterprise !== Enterprise.reverse);
  const plan = new PlanBuilder(fields, reverse, tunnel);
  const uptimesFirst = version !== 10;
  const startOf = (which: 0 | 1): TimePlaces | null => {
    const elements = TIMES.map((pair) => pair[which]);
    for (const element of uptimesFirst ? [UPTIMES[which], ...elements] : [...elements, UPTIMES[which]]) {
      const place = plan.place(element);
      if (place !== null) return { element, place };
    }
    return null;
  };
  const rate: RatePlaces = {
    interval: plan.place(Element.samplingPacketInterval),
    space: plan.place(Element.samplingPacketSpace),
    size: plan.place(Element.samplingSize),
    population: plan.place(Element.samplingPopulation),
    probability: plan.place(Element.samplingProbability),
  };
  const reversePackets = all.find(({ enterprise, element }) =>
    enterprise === Enterprise.reverse &&
    (element === Element.packetDeltaCount || element === Element.postPacketDeltaCount)
  );
  return {
    samplerId: plan.place(Element.samplerId) ?? plan.place(Element.selectorId),
    rate: Object.values(rate).some((place) => place !== null) ? rate : null,
    start: startOf(0),
    end: startOf(1),
    systemInit: plan.place(Element.systemInitTimeMilliseconds),
    hasIcmp: fields.some(({ enterprise, element }) => enterprise === Enterprise.none && ICMP_ELEMENTS.has(element)),
    hasPacket: plan.hasPacket,
    reversePackets: reverse && reversePackets !== undefined ? plan.keep(reversePackets) : null,
    actions: plan.actions,
    places: plan.places,
    writes: [...plan.writes],
  };
}

function allFields(template: Template): EffectiveField[] {
  const fields: EffectiveField[] = [];
  let at = 0;
  for (let index = 0; index < template.fieldCount; index++) {
    const length = template.fields[2 * index + 1]!;
    fields.push({
      index,
      at,
      length,
      element: template.fields[2 * index]!,
      enterprise: template.enterprise(index),
    });
    at += length;
  }
  return fields;
}

/** The reverse elements in the places of the forward ones, and what both directions share; next hops they do not share. */
function reverseFields(all: readonly EffectiveField[]): EffectiveField[] {
  const reversed = new Set<number>();
  for (const { enterprise, element } of all) if (enterprise === Enterprise.reverse) reversed.add(element);
  return all
    .filter(({ enterprise, element }) =>
      enterprise !== Enterprise.none || !reversed.has(element) && !NEXT_HOPS.has(element)
    )
    .map((field) => field.enterprise === Enterprise.reverse ? { ...field, enterprise: Enterprise.none } : field);
}

class PlanBuilder {
  readonly actions: Action[] = [];
  readonly places: FieldPlace[] = [];
  readonly writes = new Set<number>();
  hasPacket = false;
  readonly #fields: readonly EffectiveField[];
  readonly #reverse: boolean;
  readonly #tunnel: boolean;

  constructor(fields: readonly EffectiveField[], reverse: boolean, tunnel: boolean) {
    this.#fields = fields;
    this.#reverse = reverse;
    this.#tunnel = tunnel;
    const has = (elements: ReadonlySet<number>) =>
      fields.some(({ enterprise, element }) => enterprise === Enterprise.none && elements.has(element));
    const hasBytes = has(BYTE_DELTAS), hasPackets = has(PACKET_DELTAS);
    for (const field of fields) {
      if (field.enterprise === Enterprise.juniper && field.element === Element.commonPropertiesId) {
        if (field.length === 2) this.#action(field, Code.commonProperties, "forwardingStatus");
        continue;
      }
      if (field.enterprise !== Enterprise.none) continue;
      if (field.element === Element.octetTotalCount && hasBytes) continue;
      if (field.element === Element.packetTotalCount && hasPackets) continue;
      const use = ELEMENT_USES.get(field.element);
      if (use !== undefined) this.#use(field, use);
    }
  }

  /** The place of an element without enterprise, the first of several; null if there is none. */
  place(element: number): FieldPlace | null {
    const found = this.#fields.find((field) => field.enterprise === Enterprise.none && field.element === element);
    return found === undefined ? null : this.keep(found);
  }

  keep({ index, at, length }: FieldPlace): FieldPlace {
    const place: FieldPlace = { index, at, length };
    this.places.push(place);
    return place;
  }

  #use(field: EffectiveField, use: ElementUse): void {
    const { length } = field;
    switch (use.kind) {
      case "number": {
        const target = this.#mirrored(use.field);
        if (this.#isOuter(target) || length === 0 || length > 8 && length !== VARIABLE) return;
        this.#action(field, this.#numberCode(target, use.wins, length), target);
        return;
      }
      case "address": {
        const target = this.#mirrored(use.field);
        if (this.#isOuter(target) || length !== 4 && length !== 16 && length !== VARIABLE) return;
        const code = use.wins === "first" ? Code.firstAddress : length === 4 ? Code.ipv4 : Code.address;
        this.#action(field, code, target, { detail: use.etype });
        if (use.etype !== 0) this.writes.add(fieldIds.etype);
        return;
      }
      case "direction":
        this.#action(field, Code.direction, "flowDirection", { detail: this.#reverse ? 1 : 0 });
        return;
      case "typeAndCode":
        if (this.#isOuter(use.type)) return;
        this.#action(field, Code.typeAndCode, use.type, { second: fieldIds[use.code] });
        this.writes.add(fieldIds[use.code]);
        return;
      case "label":
        this.#labels(field);
        return;
      case "frame":
      case "packet":
        this.#packet(field, use.kind === "frame" ? Code.frame : Code.packet);
    }
  }

  #mirrored(field: BatchField): BatchField {
    return this.#reverse ? MIRRORED[field] ?? field : field;
  }

  #isOuter(field: BatchField): boolean {
    return this.#tunnel && OF_PACKET.has(field);
  }

  #labels(field: EffectiveField): void {
    if (this.#tunnel || this.actions.some(({ code }) => code === Code.labels)) return; // the first stands for all
    const parts = this.#fields
      .filter(({ enterprise, element, length }) =>
        enterprise === Enterprise.none && element >= Element.mplsTopLabel && element <= Element.mplsLabel10 &&
        length === 3
      )
      .sort((a, b) => a.element - b.element)
      .map((part) => this.keep(part));
    this.#action(field, Code.labels, "mplsLabels", { parts });
  }

  #packet(field: EffectiveField, code: Code): void {
    const packetFields = [...PACKET_FIELDS, "bytes", "packets"] as const;
    const isClean = packetFields.every((name) => !this.writes.has(fieldIds[name]));
    this.#action(field, code, "bytes", { detail: isClean ? 1 : 0 });
    for (const name of packetFields) this.writes.add(fieldIds[name]);
    this.hasPacket = true;
  }

  #numberCode(field: BatchField, wins: "first" | "last", length: number): Code {
    const id = fieldIds[field];
    if (this.writes.has(id)) return wins === "first" ? Code.first : Code.last;
    const { kind, width } = fieldShape(id);
    switch (`${kind}x${width} ${length}`) {
      case "u8x1 1":
        return Code.u8From1;
      case "u16x1 1":
        return Code.u16From1;
      case "u16x1 2":
        return Code.u16From2;
      case "u32x1 1":
        return Code.u32From1;
      case "u32x1 2":
        return Code.u32From2;
      case "u32x1 4":
        return Code.u32From4;
      case "u32x2 4":
        return Code.u64From4;
      case "u32x2 8":
        return Code.u64From8;
      default:
        return Code.store;
    }
  }

  #action(
    { index, at, length }: FieldPlace,
    code: Code,
    field: BatchField,
    { second = 0, detail = 0, parts = NO_PARTS }: { second?: number; detail?: number; parts?: FieldPlace[] } = {},
  ): void {
    const action: Action = { index, at, length, code, field: fieldIds[field], second, detail, parts };
    this.actions.push(action);
    this.places.push(action);
    this.writes.add(action.field);
  }
}

const NO_PARTS: FieldPlace[] = [];
