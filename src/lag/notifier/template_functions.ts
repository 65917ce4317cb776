/** The functions that templates have. */
import { exactJson } from "../exact_json.ts";
import { GoTime } from "./go_time.ts";
import {
  areEqual,
  type Callable,
  compare,
  EvaluationError,
  fieldOf,
  isTrue,
  jsonOf,
  numberOf,
  StatusValue,
  textOf,
  type Value,
} from "./template_values.ts";

/** Those of Go itself. `and` and `or` are not among them: they do not look at what they need not. */
export const BUILT_IN: Readonly<Record<string, Callable>> = {
  eq: (first, ...rest) => {
    if (rest.length === 0) throw new EvaluationError("eq needs two values");
    return rest.some((one) => areEqual(first, one));
  },
  ne: (a, b) => !areEqual(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  not: (value) => !isTrue(value),
  len: (value) => {
    if (typeof value === "string") return new TextEncoder().encode(value).length;
    if (Array.isArray(value)) return value.length;
    if (value instanceof Map) return value.size;
    throw new EvaluationError("len of what has no length");
  },
  index: (value, ...keys) => keys.reduce<Value>(elementOf, value),
  print: (...values) => values.map(textOf).join(""),
  println: (...values) => values.map(textOf).join(" ") + "\n",
  printf: (format, ...values) => formatted(textOf(format), values),
  html: (value) => textOf(value).replace(/[<>&'"]/g, (letter) => `&#${letter.charCodeAt(0)};`),
  urlquery: (value) => encodeURIComponent(textOf(value)).replaceAll("%20", "+"),
  js: (value) =>
    textOf(value).replace(/[\\'"<>&=\n\r]/g, (letter) => {
      return `\\u${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    }),
};

/** Those that notification templates have beside. */
export const HELPERS: Readonly<Record<string, Callable>> = {
  jsonencoder: (value) => exactJson(jsonOf(value)),
  topicsbystatus: (partitions) => {
    const topics = new Map<string, string[]>();
    for (const { status, topic } of partitionsOf(partitions)) {
      const of = topics.get(String(status)) ?? [];
      if (!of.includes(topic)) of.push(topic);
      topics.set(String(status), of);
    }
    return topics;
  },
  partitioncounts: (partitions) => {
    const counts = new Map([["warn", 0], ["stop", 0], ["stall", 0], ["rewind", 0], ["unknown", 0]]);
    for (const { status } of partitionsOf(partitions)) {
      const word = String(status).toLowerCase();
      if (word === "ok") continue;
      const key = counts.has(word) ? word : "unknown";
      counts.set(key, counts.get(key)! + 1);
    }
    return counts;
  },
  add: whole((a, b) => a + b),
  minus: whole((a, b) => a - b),
  multiply: whole((a, b) => a * b),
  divide: whole((a, b) => {
    if (b === 0n) throw new EvaluationError("division by zero");
    return a / b;
  }),
  maxlag: (partition) => partition === null || partition === undefined ? 0 : fieldOf(partition, "CurrentLag"),
  formattimestamp: (ms, layout) => new GoTime(Number(numberOf(ms)), true).format(textOf(layout)),
};

function elementOf(value: Value, key: Value): Value {
  if (value instanceof Map) return value.get(textOf(key)) ?? "";
  if (!Array.isArray(value)) throw new EvaluationError("index of what has no elements");
  const at = Number(numberOf(key));
  if (!(at >= 0 && at < value.length)) throw new EvaluationError(`there is no element ${at}`);
  return value[at];
}

function partitionsOf(value: Value): { status: StatusValue; topic: string }[] {
  if (!Array.isArray(value)) throw new EvaluationError("a list of partitions is expected");
  return value.map((one) => {
    const [status, topic] = [fieldOf(one, "Status"), fieldOf(one, "Topic")];
    if (!(status instanceof StatusValue)) throw new EvaluationError("a list of partitions is expected");
    return { status, topic: textOf(topic) };
  });
}

function whole(of: (a: bigint, b: bigint) => bigint): Callable {
  return (a, b) => {
    const [x, y] = [a, b].map((one) => {
      const number = numberOf(one);
      return typeof number === "bigint" ? number : BigInt(Math.trunc(number));
    });
    const result = of(x!, y!);
    return BigInt.asIntN(53, result) === result ? Number(result) : result;
  };
}

/** `fmt.Sprintf` with the verbs that texts use. */
function formatted(format: string, values: readonly Value[]): string {
  let next = 0;
  return format.replace(/%([-+# 0]*)(\d*)(?:\.(\d*))?([a-zA-Z%])/g, (_, flags: string, width, precision, verb) => {
    if (verb === "%") return "%";
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const text = verbText(verb, values[next++], flags, precision === undefined ? undefined : Number(precision));
    const pad = Number(width);
    if (text.length >= pad) return text;
    if (flags.includes("-")) return text.padEnd(pad);
    return flags.includes("0")
      ? text.replace(/^-?/, (sign) => sign + "0".repeat(pad - text.length))
      : text.padStart(pad);
  });
}

function verbText(verb: string, value: Value, flags: string, precision: number | undefined): string {
  switch (verb) {
    case "s":
    case "v":
      return precision === undefined || verb === "v" ? textOf(value) : textOf(value).slice(0, precision);
    case "q":
      return JSON.stringify(textOf(value));
    case "t":
      return String(isTrue(value));
    case "d": {
      const number = numberOf(value);
      return flags.includes("+") && number >= 0 ? `+${number}` : String(number);
    }
    case "x":
    case "X": {
      const text = typeof value === "string"
        ? [...new TextEncoder().encode(value)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
        : numberOf(value).toString(16);
      return verb === "x" ? text : text.toUpperCase();
    }
    case "f":
      return Number(numberOf(value)).toFixed(precision ?? 6);
    case "e":
      return Number(numberOf(value)).toExponential(precision ?? 6).replace(/e([+-])(\d)$/, "e$10$2");
    case "g":
      return precision === undefined ? textOf(value) : String(Number(Number(numberOf(value)).toPrecision(precision)));
    default:
      return `%!${verb}(${textOf(value)})`;
  }
}
