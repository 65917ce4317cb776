/** The functions of rules, and the names that rules know. */
import { format } from "./format.ts";
import { expandTemplate, type Pattern } from "./pattern.ts";
import { normalized, type RuleContext, type RuleType, type RuleValue } from "./rule_context.ts";

/** Which things a rule is about. */
export type RuleSubject = "exporter" | "interface";

/** Finds the regular expression of a text, in a cache. */
export type FindPattern = (source: string) => Pattern;

/** A function that rules may call. */
export interface RuleFunction {
  /** Types of its arguments; the last repeats if `isVariadic`. */
  readonly parameters: readonly RuleType[];
  /** Arguments that may be left out. */
  readonly optional?: number;
  readonly isVariadic?: boolean;
  readonly result: RuleType;
  /** The argument that is a regular expression. */
  readonly patternAt?: number;
  call(context: RuleContext, args: readonly RuleValue[], pattern: FindPattern): RuleValue;
}

/** What rules may read. */
export interface RuleField {
  readonly type: RuleType;
  read(context: RuleContext): RuleValue;
}

type TextAttribute = "group" | "role" | "site" | "region" | "tenant" | "provider" | "connectivity";

function classify(attribute: TextAttribute): RuleFunction {
  return {
    parameters: ["string"],
    result: "boolean",
    call(context, [value]) {
      if (context[attribute] === "") context[attribute] = normalized(value as string);
      return true;
    },
  };
}

function classifyRegex(attribute: TextAttribute): RuleFunction {
  return {
    parameters: ["string", "string", "string"],
    result: "boolean",
    patternAt: 1,
    call(context, [input, source, template], find) {
      if (context[attribute] !== "") return true;
      const pattern = find(source as string);
      const groups = pattern.match(input as string);
      if (groups === null) return false;
      context[attribute] = normalized(expandTemplate(template as string, groups, pattern.names));
      return true;
    },
  };
}

function classifyBoth(name: string, attribute: TextAttribute): [string, RuleFunction][] {
  return [[name, classify(attribute)], [`${name}Regex`, classifyRegex(attribute)]];
}

function boundary(value: "external" | "internal"): RuleFunction {
  return {
    parameters: [],
    result: "boolean",
    call(context) {
      if (context.boundary === "") context.boundary = value;
      return true;
    },
  };
}

function setText(attribute: "name" | "description"): RuleFunction {
  return {
    parameters: ["string"],
    result: "boolean",
    call(context, [value]) {
      if (context[attribute] === "") context[attribute] = value as string;
      return true;
    },
  };
}

function text(change: (text: string) => RuleValue, result: RuleType = "string"): RuleFunction {
  return { parameters: ["string"], result, call: (_, [value]) => change(value as string) };
}

const SPACE = /^\s+|\s+$/g;

/** `chars` is a set of characters that are cut off at both ends. */
function trim(value: string, chars: string | undefined): string {
  if (chars === undefined) return value.replace(SPACE, "");
  const letters = [...value], set = new Set(chars);
  let start = 0, end = letters.length;
  while (start < end && set.has(letters[start]!)) start++;
  while (end > start && set.has(letters[end - 1]!)) end--;
  return letters.slice(start, end).join("");
}

/** At most `most` parts, the rest in the last; below 0 all. */
function split(value: string, separator: string, most: number): string[] {
  const parts = separator === "" ? [...value] : value.split(separator);
  if (most < 0 || parts.length <= most) return parts;
  return most === 0 ? [] : [...parts.slice(0, most - 1), parts.slice(most - 1).join(separator)];
}

const COMMON: readonly [string, RuleFunction][] = [
  ["len", {
    parameters: ["any"],
    result: "number",
    call: (_, [value]) => typeof value === "string" ? [...value].length : (value as readonly RuleValue[]).length,
  }],
  ["lower", text((value) => value.toLowerCase())],
  ["upper", text((value) => value.toUpperCase())],
  ["trim", {
    parameters: ["string", "string"],
    optional: 1,
    result: "string",
    call: (_, [value, chars]) => trim(value as string, chars as string | undefined),
  }],
  ["split", {
    parameters: ["string", "string", "number"],
    optional: 1,
    result: "list",
    call: (_, [value, separator, most]) =>
      split(value as string, separator as string, most === undefined ? -1 : most as number),
  }],
  ["indexOf", {
    parameters: ["string", "string"],
    result: "number",
    call: (_, [value, part]) => (value as string).indexOf(part as string),
  }],
  ["replace", {
    parameters: ["string", "string", "string"],
    result: "string",
    call: (_, [value, old, by]) => (value as string).replaceAll(old as string, () => by as string),
  }],
  ["Format", {
    parameters: ["string", "any"],
    optional: 1,
    isVariadic: true,
    result: "string",
    call: (_, [template, ...values]) => format(template as string, values),
  }],
  ["Reject", {
    parameters: [],
    result: "boolean",
    call(context) {
      context.isRejected = true;
      return false;
    },
  }],
];

/** The functions by the things that rules are about. */
export const FUNCTIONS: Readonly<Record<RuleSubject, ReadonlyMap<string, RuleFunction>>> = {
  exporter: new Map([
    ...COMMON,
    ...classifyBoth("Classify", "group"),
    ...classifyBoth("ClassifyGroup", "group"),
    ...classifyBoth("ClassifyRole", "role"),
    ...classifyBoth("ClassifySite", "site"),
    ...classifyBoth("ClassifyRegion", "region"),
    ...classifyBoth("ClassifyTenant", "tenant"),
  ]),
  interface: new Map([
    ...COMMON,
    ...classifyBoth("ClassifyProvider", "provider"),
    ...classifyBoth("ClassifyConnectivity", "connectivity"),
    ["ClassifyExternal", boundary("external")],
    ["ClassifyInternal", boundary("internal")],
    ["SetName", setText("name")],
    ["SetDescription", setText("description")],
  ]),
};

const EXPORTER: ReadonlyMap<string, RuleField> = new Map([
  ["IP", { type: "string", read: (context) => context.exporterIp }],
  ["Name", { type: "string", read: (context) => context.exporterName }],
]);

const INTERFACE: ReadonlyMap<string, RuleField> = new Map([
  ["Index", { type: "number", read: (context) => context.interfaceIndex }],
  ["Name", { type: "string", read: (context) => context.interfaceName }],
  ["Description", { type: "string", read: (context) => context.interfaceDescription }],
  ["Speed", { type: "number", read: (context) => context.interfaceSpeed }],
  ["VLAN", { type: "number", read: (context) => context.interfaceVlan }],
]);

/** The objects that rules may read, by the things that they are about. */
export const OBJECTS: Readonly<Record<RuleSubject, ReadonlyMap<string, ReadonlyMap<string, RuleField>>>> = {
  exporter: new Map([["Exporter", EXPORTER]]),
  interface: new Map([["Exporter", EXPORTER], ["Interface", INTERFACE]]),
};
