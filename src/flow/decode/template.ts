/** What a template says, and whose it is. */
import type { Plan } from "./plan.ts";

/** Length of a field that brings its own (RFC 7011 §7). */
export const VARIABLE = 0xffff;

/** An accepted template of NetFlow v9 or IPFIX. Its fields never change: a new definition is a new template. */
export class Template {
  readonly id: number;
  /** Fields of the scope, which stand first; 0 where it describes flows. */
  readonly scopeFields: number;
  /** Whether its records are about the exporter and not flows. */
  readonly isOptions: boolean;
  /** Element and length of each field, in turn. */
  readonly fields: Uint16Array<ArrayBuffer>;
  /** Enterprise numbers of the fields; null where no field has one. */
  readonly enterprises: Uint32Array<ArrayBuffer> | null;
  /** Octets of a record, where each field of variable length counts one. */
  readonly leastLength: number;
  /** Whether a field has a variable length. */
  readonly isVariable: boolean;
  /** Unix seconds when it was last sent. */
  refreshedS = 0;
  /** Unix seconds when it was last of use. */
  usedS = 0;
  /** Data sets that were read with it. */
  uses = 0;
  /** What to do for a record; made when the first one comes. */
  plan: Plan | null = null;
  /** The same for packets of a tunnel. */
  tunnelPlan: Plan | null = null;
  /** The other direction of a biflow; null until asked for, or where there is none. */
  reversePlan: Plan | null = null;
  /** As {@linkcode reversePlan}, for packets of a tunnel. */
  reverseTunnelPlan: Plan | null = null;

  constructor(
    id: number,
    isOptions: boolean,
    scopeFields: number,
    fields: Uint16Array<ArrayBuffer>,
    enterprises: Uint32Array<ArrayBuffer> | null,
    variableAllowed: boolean,
  ) {
    this.id = id;
    this.isOptions = isOptions;
    this.scopeFields = scopeFields;
    this.fields = fields;
    this.enterprises = enterprises;
    let least = 0, variable = false;
    for (let i = 1; i < fields.length; i += 2) {
      if (variableAllowed && fields[i] === VARIABLE) {
        variable = true;
        least += 1;
      } else {
        least += fields[i]!;
      }
    }
    this.leastLength = least;
    this.isVariable = variable;
  }

  get fieldCount(): number {
    return this.fields.length / 2;
  }

  enterprise(field: number): number {
    return this.enterprises === null ? 0 : this.enterprises[field]!;
  }

  /** Whether the other says the same. */
  equals(other: Template): boolean {
    return this.isOptions === other.isOptions && this.scopeFields === other.scopeFields &&
      this.isVariable === other.isVariable && sameNumbers(this.fields, other.fields) &&
      sameNumbers(this.enterprises ?? NONE, other.enterprises ?? NONE);
  }
}

const NONE = new Uint32Array(0);

function sameNumbers(a: Uint16Array | Uint32Array, b: Uint16Array | Uint32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
