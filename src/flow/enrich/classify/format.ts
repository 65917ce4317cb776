/** `Format` of rules: the verbs of Go's that they need. */
import type { RuleValue } from "./rule_context.ts";

/** The longest text that it makes; a width may ask for no more. */
const WIDEST = 1000;

/** Fills in `%s %d %v %q %x %%`, with a width, `-` and `0` if wanted; what doesn't fit is shown as Go's `fmt` does. */
export function format(template: string, values: readonly RuleValue[]): string {
  let next = 0;
  const text = template.replace(
    /%(?:%|([-+0]*)(\d{1,4})?(?:\.(\d{1,3}))?(.)?)/gsu,
    (whole, flags?: string, width?: string, precision?: string, verb?: string) => {
      if (whole === "%%") return "%";
      if (verb === undefined) return "%!(NOVERB)";
      if (next >= values.length) return `%!${verb}(MISSING)`;
      return padded(shown(verb, values[next++]!, flags!, precision), flags!, Number(width ?? 0));
    },
  );
  if (next >= values.length) return text;
  return `${text}%!(EXTRA ${values.slice(next).map((value) => `${goType(value)}=${plain(value)}`).join(", ")})`;
}

function shown(verb: string, value: RuleValue, flags: string, precision: string | undefined): string {
  const isWhole = typeof value === "number" && Number.isInteger(value);
  const sign = flags.includes("+") && typeof value === "number" && value >= 0 ? "+" : "";
  switch (verb) {
    case "v":
      return sign + plain(value);
    case "s":
      if (typeof value === "string") return precision === undefined ? value : [...value].slice(0, +precision).join("");
      if (Array.isArray(value)) return plain(value);
      break;
    case "d":
      if (isWhole) return sign + String(value);
      break;
    case "q":
      if (typeof value === "string") return JSON.stringify(value);
      break;
    case "x":
    case "X": {
      const hex = isWhole
        ? value.toString(16)
        : typeof value === "string"
        ? new TextEncoder().encode(value).toHex()
        : undefined;
      if (hex !== undefined) return verb === "x" ? hex : hex.toUpperCase();
      break;
    }
    case "t":
      if (typeof value === "boolean") return String(value);
      break;
    case "f":
      if (typeof value === "number") return sign + value.toFixed(Math.min(Number(precision ?? 6), 100));
      break;
  }
  return `%!${verb}(${goType(value)}=${plain(value)})`;
}

function padded(text: string, flags: string, width: number): string {
  const wanted = Math.min(width, WIDEST);
  if (flags.includes("-")) return text.padEnd(wanted);
  return flags.includes("0") ? text.padStart(wanted, "0") : text.padStart(wanted);
}

function plain(value: RuleValue): string {
  return Array.isArray(value) ? `[${value.map(plain).join(" ")}]` : String(value);
}

function goType(value: RuleValue): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return typeof value === "boolean" ? "bool" : "string";
}
