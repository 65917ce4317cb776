/** Pages of metrics: the Prometheus text format 0.0.4 and OpenMetrics text 1.0. Pure: bytes in, samples out. */
import { quoted, type WireError } from "../wire_error.ts";

/** What a family says it is; `unknown` where it says nothing, or a word of another format. */
export const FAMILY_TYPES = [
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
] as const;
export type FamilyType = (typeof FAMILY_TYPES)[number];

/** Which of a family's samples it is: the `sum` of a summary, the `bucket` of a histogram. */
export type SamplePart = "value" | "bucket" | "sum" | "count" | "quantile" | "created";

/** One sample of a page. */
export interface ExpositionSample {
  /** The family's name; a counter's ends in `_total` where its samples do. */
  readonly family: string;
  readonly type: FamilyType;
  readonly part: SamplePart;
  /** In the order of the page, each name once, without empty values, and without `le` of a bucket, `quantile` of a quantile. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** The upper bound of a bucket, the quantile of a quantile; else absent. */
  readonly bound?: number;
  /** May be NaN or infinite. */
  readonly value: number;
}

/** A page that was read. */
export interface Exposition {
  readonly samples: readonly ExpositionSample[];
  /** Families of a type this page's formats don't have; they are `unknown`. */
  readonly unknownTypes: number;
}

/** How a page is to be read. */
export interface ExpositionOptions {
  /** OpenMetrics text, which has to end with `# EOF`: a page without was cut off. @default false */
  readonly openMetrics?: boolean;
}

/**
 * Reads a whole page. A page that is wrong anywhere is refused, with the number of the line: a counter that is missing
 * from it would otherwise count in full the next time. Bytes that are no UTF-8 become U+FFFD.
 *
 * Reasons of a refusal: `syntax`, `incomplete`.
 */
export function parseExposition(
  bytes: Uint8Array,
  { openMetrics = false }: ExpositionOptions = {},
): Exposition | WireError {
  const text = new TextDecoder().decode(bytes);
  const page = new Page();
  let line = 0;
  for (let at = 0; at < text.length && !(openMetrics && page.ended);) {
    const lf = text.indexOf("\n", at);
    const end = lf < 0 ? text.length : lf;
    line++;
    const fault = page.take(text, at, end);
    if (fault !== undefined) return { reason: "syntax", message: `Cannot read line ${line} of the page: ${fault}` };
    at = end + 1;
  }
  if (openMetrics && !page.ended) {
    return { reason: "incomplete", message: "Cannot read the page: it is cut off, there is no # EOF" };
  }
  return { samples: page.samples, unknownTypes: page.unknownTypes };
}

/** Suffixes of samples by the types whose samples have them. */
const SUFFIXES: readonly {
  readonly suffix: string;
  readonly part: SamplePart;
  readonly types: readonly FamilyType[];
}[] = [
  { suffix: "_bucket", part: "bucket", types: ["histogram", "gaugehistogram"] },
  { suffix: "_sum", part: "sum", types: ["histogram", "summary"] },
  { suffix: "_count", part: "count", types: ["histogram", "summary"] },
  { suffix: "_gsum", part: "sum", types: ["gaugehistogram"] },
  { suffix: "_gcount", part: "count", types: ["gaugehistogram"] },
  { suffix: "_total", part: "value", types: ["counter"] },
  { suffix: "_info", part: "value", types: ["info"] },
  { suffix: "_created", part: "created", types: ["counter", "histogram", "summary"] },
];

/** What samples of one name are. */
interface Role {
  readonly family: string;
  readonly type: FamilyType;
  readonly part: SamplePart;
}

const SPACE = 0x20, TAB = 0x09, CR = 0x0d, HASH = 0x23, QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c, EQUALS = 0x3d;
const BRACE_OPEN = 0x7b, BRACE_CLOSE = 0x7d;

/** A page as far as it is read. */
class Page {
  readonly samples: ExpositionSample[] = [];
  unknownTypes = 0;
  ended = false;
  readonly #types = new Map<string, FamilyType>();
  #roles = new Map<string, Role>();
  #text = "";
  #at = 0;
  #end = 0;

  /** Reads the line `text[at, end)`; what is wrong with it. */
  take(text: string, at: number, end: number): string | undefined {
    this.#text = text;
    this.#at = at;
    this.#end = end > at && text.charCodeAt(end - 1) === CR ? end - 1 : end;
    this.#skipBlanks();
    if (this.#at >= this.#end) return undefined;
    return text.charCodeAt(this.#at) === HASH ? this.#comment() : this.#sample();
  }

  /** `# TYPE name type`, `# EOF`; any other comment says nothing. */
  #comment(): string | undefined {
    const words = this.#text.slice(this.#at + 1, this.#end).trim();
    if (words === "EOF") {
      this.ended = true;
      return undefined;
    }
    const [, quoted, plain, word] = /^TYPE[ \t]+(?:"((?:[^"\\]|\\.)*)"|([^ \t"]+))[ \t]+([^ \t]+)$/.exec(words) ?? [];
    if (word === undefined) return /^TYPE[ \t]/.test(words) ? "TYPE needs a name and a type" : undefined;
    const name = quoted === undefined ? plain! : unescaped(quoted);
    const type = FAMILY_TYPES.find((known) => known === word);
    if (type === undefined && word !== "untyped") this.unknownTypes++;
    this.#types.set(name, type ?? "unknown");
    this.#roles = new Map(); // a name may have stood for something else until now
    return undefined;
  }

  /** `name{label="value",…} value [timestamp] [# exemplar]`, or with the name in quotes inside the braces. */
  #sample(): string | undefined {
    let name = this.#bareName();
    const labels = new Map<string, string>();
    this.#skipBlanks();
    if (this.#code() === BRACE_OPEN) {
      this.#at++;
      const braces = this.#braces(labels, name === "");
      if ("fault" in braces) return braces.fault;
      if (name === "") name = braces.name;
    }
    if (name === "") return "there is no name";
    const value = parseNumber(this.#word());
    if (value === undefined) return `the value of ${quoted(name)} is no number`;
    const rest = this.#text.slice(this.#at, this.#end).trim();
    // A timestamp, an exemplar: neither is needed, as what is scraped is of now.
    if (rest !== "" && !/^(?:[-+]?[0-9.eE+-]+[ \t]*)?(?:#.*)?$/.test(rest)) {
      return `there is more behind the value of ${quoted(name)}`;
    }
    return this.#add(name, labels, value);
  }

  #add(name: string, labels: Map<string, string>, value: number): string | undefined {
    let role = this.#roles.get(name);
    if (role === undefined) this.#roles.set(name, role = this.#roleOf(name));
    let bound: number | undefined;
    if (role.part === "bucket") {
      bound = parseNumber(labels.get("le") ?? "");
      if (bound === undefined) return `a bucket of ${quoted(role.family)} has no bound le`;
      labels.delete("le");
    } else if (role.type === "summary" && role.part === "value") {
      bound = parseNumber(labels.get("quantile") ?? "");
      if (bound === undefined) return `a sample of the summary ${quoted(role.family)} has no quantile`;
      labels.delete("quantile");
      role = { ...role, part: "quantile" };
    }
    const shown = [...labels].filter(([, text]) => text !== "");
    this.samples.push({ ...role, labels: shown, ...(bound === undefined ? {} : { bound }), value });
    return undefined;
  }

  #roleOf(name: string): Role {
    const type = this.#types.get(name);
    if (type !== undefined && type !== "histogram" && type !== "gaugehistogram") {
      return { family: name, type, part: "value" };
    }
    for (const { suffix, part, types } of SUFFIXES) {
      if (!name.endsWith(suffix)) continue;
      const base = name.slice(0, -suffix.length);
      const of = this.#types.get(base);
      if (of === undefined || !types.includes(of)) continue;
      return { family: suffix === "_total" || suffix === "_info" ? name : base, type: of, part };
    }
    return { family: name, type: "unknown", part: "value" };
  }

  /** What stands between the braces; `mayName`: a first text without a label is the metric's name. */
  #braces(labels: Map<string, string>, mayName: boolean): { name: string } | { fault: string } {
    let name = "";
    for (let first = true;; first = false) {
      this.#skipBlanks();
      if (this.#code() === BRACE_CLOSE) {
        this.#at++;
        return { name };
      }
      const isQuoted = this.#code() === QUOTE;
      const label = isQuoted ? this.#quoted() : this.#bareName();
      if (label === undefined) return { fault: "a text in quotes has no end" };
      if (label === "") return { fault: "a label has no name" };
      this.#skipBlanks();
      if (this.#code() === EQUALS) {
        this.#at++;
        this.#skipBlanks();
        if (this.#code() !== QUOTE) return { fault: `the value of label ${quoted(label)} is not in quotes` };
        const value = this.#quoted();
        if (value === undefined) return { fault: `the value of label ${quoted(label)} has no end` };
        if (labels.has(label)) return { fault: `there are two labels ${quoted(label)}` };
        labels.set(label, value);
      } else if (isQuoted && first && mayName) name = label;
      else return { fault: `label ${quoted(label)} has no value` };
      this.#skipBlanks();
      if (this.#code() === COMMA) this.#at++;
      else if (this.#code() !== BRACE_CLOSE) return { fault: "the labels have no end" };
    }
  }

  #bareName(): string {
    const start = this.#at;
    while (this.#at < this.#end && isNameCode(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** The text in quotes that begins here; `undefined` if it does not end on the line. */
  #quoted(): string | undefined {
    const start = this.#at + 1;
    let escaped = false;
    for (let at = start; at < this.#end; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === BACKSLASH) {
        escaped = true;
        at++;
      } else if (code === QUOTE) {
        this.#at = at + 1;
        const inner = this.#text.slice(start, at);
        return escaped ? unescaped(inner) : inner;
      }
    }
    return undefined;
  }

  /** The characters up to the next blank. */
  #word(): string {
    this.#skipBlanks();
    const start = this.#at;
    while (this.#at < this.#end && !isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #skipBlanks(): void {
    while (this.#at < this.#end && isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  /** NaN behind the line. */
  #code(): number {
    return this.#at < this.#end ? this.#text.charCodeAt(this.#at) : NaN;
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** `[a-zA-Z0-9_:]`; a digit in front is not refused. */
function isNameCode(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x3a) ||
    code === 0x5f;
}

/** `\\`, `\"`, `\n`; a backslash in front of anything else is one. */
function unescaped(text: string): string {
  return text.replace(/\\([\\"n])/g, (_, code: string) => code === "n" ? "\n" : code);
}

const DECIMAL = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;

/** A number as Go writes one: decimal, `NaN`, `+Inf`, `-Inf` in any case; `undefined` for anything else. */
function parseNumber(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  switch (text.toLowerCase()) {
    case "nan":
      return NaN;
    case "inf":
    case "+inf":
    case "infinity":
    case "+infinity":
      return Infinity;
    case "-inf":
    case "-infinity":
      return -Infinity;
  }
  return undefined;
}
