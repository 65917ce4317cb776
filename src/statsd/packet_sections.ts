import { quoted, type WireError } from "./wire_error.ts";
import { utf8 } from "./wire_text.ts";

const PIPE = 0x7c;

/** One kind of optional section, `|` and what begins with `prefix`; each kind may occur once. */
export interface SectionKind {
  readonly prefix: string;
  /** What error messages call it. */
  readonly name: string;
  /** Judges the text behind the prefix. */
  readonly refuse?: (text: string) => WireError | null;
  /** After it, only kinds with `mayFollowLast` may come. */
  readonly last?: boolean;
  readonly mayFollowLast?: boolean;
}

/** `|d:UNIX`, whole seconds. */
export const DATE: SectionKind = {
  prefix: "d:",
  name: "date",
  refuse(text) {
    if (/^[0-9]+$/.test(text) && Number.isSafeInteger(Number(text))) return null;
    return { reason: "date", message: `Cannot read the date ${quoted(text)}: it must be whole Unix seconds` };
  },
};

/** `|h:HOST`; an empty one is meant: no host. */
export const HOSTNAME: SectionKind = { prefix: "h:", name: "hostname" };

/** `|#tag,tag`. */
export const TAGS: SectionKind = { prefix: "#", name: "tag" };

/** `|c:CONTAINER`. Clients append it and the next two to whatever they send, also behind a check's message. */
export const CONTAINER: SectionKind = {
  prefix: "c:",
  name: "container",
  mayFollowLast: true,
  refuse(text) {
    return text !== "" ? null : { reason: "container", message: "Cannot read the container field: it is empty" };
  },
};

/** `|e:EXTERNAL_DATA`. */
export const EXTERNAL_DATA: SectionKind = { prefix: "e:", name: "external data", mayFollowLast: true };

/** `|card:none` and so on; the text is not judged. */
export const CARDINALITY: SectionKind = { prefix: "card:", name: "cardinality", mayFollowLast: true };

/** Texts of the sections found, by kind. */
export type Sections = ReadonlyMap<SectionKind, string>;

/**
 * Reads the sections of an event or a check from left to right; the first fault wins. `at` is the length of `line` or
 * the place of the pipe before the first section.
 */
export function readSections(line: Uint8Array, at: number, kinds: readonly SectionKind[]): Sections | WireError {
  const found = new Map<SectionKind, string>();
  let last: SectionKind | undefined;
  while (at < line.length) {
    const pipe = line.indexOf(PIPE, at + 1);
    const end = pipe < 0 ? line.length : pipe;
    const section = utf8(line.subarray(at + 1, end));
    if (section === "") {
      return { reason: "empty_section", message: `Cannot read byte ${at + 1}: nothing stands after or between pipes` };
    }
    const kind = kinds.find(({ prefix }) => section.startsWith(prefix));
    if (last !== undefined && !kind?.mayFollowLast) {
      const message = `Cannot read ${quoted(section)}: the ${last.name} must be the last section`;
      return { reason: "message_last", message };
    }
    if (kind === undefined) {
      return { reason: "unknown", message: `Cannot read ${quoted(section)}: unrecognized metadata section` };
    }
    if (found.has(kind)) {
      return { reason: "dup", message: `Cannot read ${quoted(section)}: multiple ${kind.name} sections` };
    }
    const text = section.slice(kind.prefix.length);
    const refusal = kind.refuse?.(text);
    if (refusal) return refusal;
    found.set(kind, text);
    if (kind.last) last = kind;
    at = end;
  }
  return found;
}

/** What events and checks have in common. */
export interface CommonFields {
  readonly timestamp: number;
  /** The packet had a `d:`; otherwise `timestamp` is the receive time. */
  readonly timestampSent: boolean;
  /** Present and empty: the sender wants no host. Absent: the sender left it to us. */
  readonly host?: string;
  /** As sent, also repeated ones; empty ones are left out. */
  readonly tags: readonly string[];
  readonly container?: string;
  readonly externalData?: string;
  readonly cardinality?: string;
}

/** The values of the sections that events and checks share; `receiveTimeS` in whole Unix seconds. */
export function commonFields(sections: Sections, receiveTimeS: number): CommonFields {
  const date = sections.get(DATE);
  const host = sections.get(HOSTNAME);
  const container = sections.get(CONTAINER);
  const externalData = sections.get(EXTERNAL_DATA);
  const cardinality = sections.get(CARDINALITY);
  return {
    timestamp: date === undefined ? receiveTimeS : Number(date),
    timestampSent: date !== undefined,
    ...(host !== undefined && { host }),
    tags: (sections.get(TAGS) ?? "").split(",").filter((tag) => tag !== ""),
    ...(container !== undefined && { container }),
    ...(externalData !== undefined && { externalData }),
    ...(cardinality !== undefined && { cardinality }),
  };
}
