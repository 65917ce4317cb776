/** Series on their way to a global instance, in the JSON form of `/import` that Veneur speaks since 1.1. Pure. */
import {
  decodeDigestGob,
  decodeSetGob,
  encodeDigestGob,
  encodeSetGob,
  HyperLogLog,
  HyperLogLogV1,
  SketchError,
  type TDigest,
} from "../sketch/mod.ts";
import { compareUtf8 } from "./tags.ts";

/** What a series hands on: the interval's state, not what a local instance publishes of it. */
export type ForwardedValue =
  | { readonly type: "counter"; readonly total: bigint }
  | { readonly type: "gauge"; readonly value: number }
  | { readonly type: "histogram" | "timer"; readonly digest: TDigest }
  | { readonly type: "set"; readonly sketch: HyperLogLog | HyperLogLogV1 };

/** One series for a global instance. */
export interface ForwardedSeries {
  readonly name: string;
  /** Sorted, none empty, none twice. */
  readonly tags: readonly string[];
  /** Of a histogram or timer: its aggregates are the global instance's too. Counters and gauges are global anyway. */
  readonly isGlobal: boolean;
  readonly value: ForwardedValue;
}

/** Why an element of an import is skipped; the words label `import.metric_error_total`. */
export type ImportCause = "name" | "type" | "value" | "mismatch" | "scope";

/** Why a whole import is refused; the words label `import.request_error_total`. */
export type ImportRefusal = "json" | "empty";

/** What an import holds. */
export interface DecodedImport {
  readonly series: readonly ForwardedSeries[];
  /** Elements that were skipped, in their order. */
  readonly errors: readonly { readonly index: number; readonly cause: ImportCause; readonly message: string }[];
}

const INT64_MAX = 2n ** 63n - 1n, INT64_MIN = -(2n ** 63n);

/** An interval's total as the whole number that is forwarded: rounded half away from zero, kept within 64 bits. */
export function wholeTotal(total: number): bigint {
  if (!Number.isFinite(total)) return total > 0 ? INT64_MAX : INT64_MIN;
  return within64Bits(BigInt(Math.sign(total) * Math.round(Math.abs(total))));
}

/** The nearest number that an int64 can hold. */
export function within64Bits(total: bigint): bigint {
  return total > INT64_MAX ? INT64_MAX : total < INT64_MIN ? INT64_MIN : total;
}

/** The body of an import: a JSON array, not yet compressed. */
export function encodeImport(series: readonly ForwardedSeries[]): string {
  return `[${series.map(encodeElement).join(",")}]`;
}

function encodeElement({ name, tags, isGlobal, value }: ForwardedSeries): string {
  const scoped = isGlobal && (value.type === "histogram" || value.type === "timer");
  return JSON.stringify({
    name,
    type: value.type,
    tagstring: tags.join(","),
    tags: tags.length === 0 ? null : tags,
    value: valueBytes(value).toBase64(),
    ...(scoped ? { scope: "global" } : {}),
  });
}

function valueBytes(value: ForwardedValue): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  switch (value.type) {
    case "counter":
      view.setBigInt64(0, value.total, true);
      return bytes;
    case "gauge":
      view.setFloat64(0, value.value, true);
      return bytes;
    case "set":
      return value.sketch instanceof HyperLogLogV1 ? encodeSetGob(value.sketch) : value.sketch.encode();
    default:
      return encodeDigestGob(value.digest);
  }
}

/** Reads the body of an import. A bad element is skipped and told; only a body that is no such array is refused. */
export function decodeImport(body: string): DecodedImport | ImportRefusal {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return "json"; // the refusal says all there is to say
  }
  if (!Array.isArray(parsed)) return "json";
  const elements: Element[] = [];
  for (const one of parsed) {
    const element = readElement(one);
    if (element === undefined) return "json";
    elements.push(element);
  }
  if (elements.every(isEmpty)) return "empty";
  const series: ForwardedSeries[] = [];
  const errors: { index: number; cause: ImportCause; message: string }[] = [];
  for (const [index, element] of elements.entries()) {
    const read = readSeries(element);
    if ("cause" in read) errors.push({ index, ...read });
    else series.push(read);
  }
  return { series, errors };
}

/** The members of an element, with what they are when they are absent. */
interface Element {
  name: string;
  type: string;
  tagstring: string;
  tags: readonly string[];
  value: Uint8Array;
  scope: string;
}

function isEmpty({ name, type, tagstring, tags, value }: Element): boolean {
  return name === "" && type === "" && tagstring === "" && tags.length === 0 && value.length === 0;
}

/** The element's members, whose names match in any case; `undefined` where one has another type or is no base64. */
function readElement(one: unknown): Element | undefined {
  if (typeof one !== "object" || one === null || Array.isArray(one)) return undefined;
  const element: Element = { name: "", type: "", tagstring: "", tags: [], value: new Uint8Array(0), scope: "" };
  for (const [key, member] of Object.entries(one)) {
    const name = key.toLowerCase();
    switch (name) {
      case "name":
      case "type":
      case "tagstring":
      case "scope":
        if (member === null) break; // as absent
        if (typeof member !== "string") return undefined;
        element[name] = member;
        break;
      case "tags":
        if (member === null) break;
        if (!Array.isArray(member) || !member.every((tag) => typeof tag === "string")) return undefined;
        element.tags = member;
        break;
      case "value":
        if (member === null) break;
        if (typeof member !== "string") return undefined;
        try {
          element.value = Uint8Array.fromBase64(member, { lastChunkHandling: "strict" });
        } catch {
          return undefined; // the refusal says all there is to say
        }
    }
  }
  return element;
}

type Fault = { readonly cause: ImportCause; readonly message: string };

function readSeries(element: Element): ForwardedSeries | Fault {
  const { name, type, scope } = element;
  if (name === "") return fault("name", "its name is empty");
  if (scope !== "" && scope !== "global" && scope !== "mixed") return fault("scope", `its scope is "${scope}"`);
  const value = readValue(type, element.value);
  if ("cause" in value) return value;
  // Where the two disagree, the list is right: a tag may hold a comma.
  const tags = element.tags.length > 0 ? element.tags : element.tagstring.split(",");
  const sorted = [...new Set(tags.filter((tag) => tag !== ""))].sort(compareUtf8);
  return { name, tags: sorted, isGlobal: scope === "global", value };
}

function readValue(type: string, bytes: Uint8Array): ForwardedValue | Fault {
  try {
    switch (type) {
      case "counter":
        if (bytes.length !== 8) return fault("value", `a counter has 8 bytes, this one ${bytes.length}`);
        return { type, total: view(bytes).getBigInt64(0, true) };
      case "gauge": {
        if (bytes.length !== 8) return fault("value", `a gauge has 8 bytes, this one ${bytes.length}`);
        const value = view(bytes).getFloat64(0, true);
        return Number.isFinite(value) ? { type, value } : fault("value", `a gauge can't be ${value}`);
      }
      case "histogram":
      case "timer": {
        const digest = decodeDigestGob(bytes);
        return digest.count > 0 ? { type, digest } : fault("value", "its digest is empty");
      }
      case "set":
        // The binary form starts with its version, 1; the gob of the older generation with the length of a message.
        return { type, sketch: bytes[0] === 1 ? HyperLogLog.decode(bytes) : decodeSetGob(bytes) };
      default:
        return fault("type", `there is no type "${type}"`);
    }
  } catch (error) {
    if (!(error instanceof SketchError)) throw error;
    return fault("value", error.message);
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fault(cause: ImportCause, why: string): Fault {
  return { cause, message: `Cannot import the element: ${why}` };
}
