/** What rules see of an exporter or interface, and what they say of it. */

/** The attributes that rules about exporters set. */
export const EXPORTER_ATTRIBUTES = ["group", "role", "site", "region", "tenant"] as const;

/** One exporter or interface while the rules look at it. Attributes that no rule has set are "". */
export class RuleContext {
  exporterIp = "";
  exporterName = "";
  interfaceIndex = 0;
  interfaceName = "";
  interfaceDescription = "";
  /** Mbit/s. */
  interfaceSpeed = 0;
  interfaceVlan = 0;

  group = "";
  role = "";
  site = "";
  region = "";
  tenant = "";
  provider = "";
  connectivity = "";
  boundary: "" | "external" | "internal" = "";
  name = "";
  description = "";
  isRejected = false;

  /** The values of `let`, by number. */
  readonly variables: RuleValue[] = [];

  /** Forgets what rules have said. */
  begin(): void {
    this.group =
      this.role =
      this.site =
      this.region =
      this.tenant =
        "";
    this.provider =
      this.connectivity =
      this.boundary =
      this.name =
      this.description =
        "";
    this.isRejected = false;
  }
}

/** A value of a rule. */
export type RuleValue = number | string | boolean | readonly RuleValue[];

/** What a part of a rule is known to give; `any`: only when it is evaluated. */
export type RuleType = "number" | "string" | "boolean" | "list" | "any";

/** A part of a rule, ready to be evaluated. */
export type Evaluate = (context: RuleContext) => RuleValue;

/** A part of a rule and what is known of it. */
export interface Compiled {
  readonly type: RuleType;
  readonly evaluate: Evaluate;
  /** Its value where it is always the same. */
  readonly constant?: RuleValue;
}

/** The type of a value. */
export function typeOf(value: RuleValue): RuleType {
  return Array.isArray(value) ? "list" : typeof value as RuleType;
}

/** A value of an attribute: lower case, and nothing but `a-z0-9.+-`. */
export function normalized(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9.+-]/g, "");
}
