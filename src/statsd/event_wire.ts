import type { Event } from "../metric/mod.ts";
import {
  CARDINALITY,
  type CommonFields,
  commonFields,
  CONTAINER,
  DATE,
  EXTERNAL_DATA,
  HOSTNAME,
  readSections,
  type SectionKind,
  TAGS,
} from "./packet_sections.ts";
import { isWireError, quoted, type WireError } from "./wire_error.ts";
import { utf8 } from "./wire_text.ts";

const COLON = 0x3a, COMMA = 0x2c, PIPE = 0x7c, RIGHT_BRACE = 0x7d;

/** An event, and what its packet said besides: fields that are accepted but have no effect. */
export type ParsedEvent = Event & CommonFields;

const AGGREGATION_KEY: SectionKind = { prefix: "k:", name: "aggregation key" };
const SOURCE: SectionKind = { prefix: "s:", name: "source" };
const PRIORITY = choice("p:", "priority", "priority", ["normal", "low"]);
const ALERT = choice("t:", "alert", "alert level", ["error", "warning", "info", "success"]);
const KINDS = [
  DATE,
  HOSTNAME,
  AGGREGATION_KEY,
  PRIORITY,
  SOURCE,
  ALERT,
  TAGS,
  CONTAINER,
  EXTERNAL_DATA,
  CARDINALITY,
];

/**
 * Parses one event, `b[start, end)`, a line without its LF and CR:
 *
 * ```text
 * _e{TITLE_BYTES,TEXT_BYTES}:TITLE|TEXT|d:UNIX|h:HOST|k:KEY|p:normal|s:SOURCE|t:error|#tag,tag|c:ID|e:DATA|card:low
 * ```
 *
 * Title and text are cut by their lengths, so both may contain pipes; what follows them is optional and in any order.
 * `receiveTimeS` (whole Unix seconds) stands in for a missing date. Reasons of a refusal: `no_colon`, `wrapper`,
 * `no_comma`, `title_len`, `text_len`, `no_text`, `empty_section`, `date`, `priority`, `alert`, `dup`, `unknown`,
 * `container`.
 */
export function parseEvent(b: Uint8Array, start: number, end: number, receiveTimeS: number): ParsedEvent | WireError {
  const line = b.subarray(start, end);
  const lengths = readLengths(line);
  if (isWireError(lengths)) return lengths;

  // _e{5,7}:Start|v2 live|…
  //         ^    ^^      ^
  const titleEnd = lengths.end + lengths.title;
  if (titleEnd > line.length || titleEnd < line.length && line[titleEnd] !== PIPE) {
    return wrongLength("title", lengths.title, line, lengths.end);
  }
  if (titleEnd === line.length) {
    return refuse("no_text", "it ends behind the title, it needs a pipe and a text");
  }
  const textStart = titleEnd + 1;
  const textEnd = textStart + lengths.text;
  if (textEnd > line.length || textEnd < line.length && line[textEnd] !== PIPE) {
    return wrongLength("text", lengths.text, line, textStart);
  }

  const sections = readSections(line, textEnd, KINDS);
  if (isWireError(sections)) return sections;
  const aggregationKey = sections.get(AGGREGATION_KEY);
  const sourceType = sections.get(SOURCE);
  return {
    title: utf8(line.subarray(lengths.end, titleEnd)),
    text: utf8(line.subarray(textStart, textEnd)).replaceAll("\\n", "\n"),
    ...commonFields(sections, receiveTimeS),
    ...(aggregationKey !== undefined && { aggregationKey }),
    priority: (sections.get(PRIORITY) ?? "normal") as Event["priority"],
    ...(sourceType !== undefined && { sourceType }),
    alertType: (sections.get(ALERT) ?? "info") as Event["alertType"],
  };
}

/** `_e{TITLE_BYTES,TEXT_BYTES}:`; `end` is where the title starts. */
function readLengths(line: Uint8Array): { title: number; text: number; end: number } | WireError {
  const pipe = line.indexOf(PIPE);
  const colon = line.subarray(0, pipe < 0 ? line.length : pipe).indexOf(COLON);
  if (colon < 0) return refuse("no_colon", "it needs at least 1 colon, in front of the title");
  const head = utf8(line.subarray(0, colon));
  if (!head.startsWith("_e{") || line[colon - 1] !== RIGHT_BRACE) {
    return refuse("wrapper", `it needs an _e{} wrapper around the lengths, found ${quoted(head)}`);
  }
  const comma = line.subarray(0, colon).indexOf(COMMA);
  if (comma < 0) {
    return refuse("no_comma", `it needs a comma between the lengths of title and text, found ${quoted(head)}`);
  }
  const title = readLength("title", line.subarray(3, comma));
  if (typeof title !== "number") return title;
  const text = readLength("text", line.subarray(comma + 1, colon - 1));
  if (typeof text !== "number") return text;
  return { title, text, end: colon + 1 };
}

function readLength(of: "title" | "text", bytes: Uint8Array): number | WireError {
  const digits = utf8(bytes);
  const length = /^[0-9]+$/.test(digits) ? Number(digits) : 0;
  if (length > 0) return length;
  return refuse(`${of}_len`, `the ${of} length must be a whole number above 0, found ${quoted(digits)}`);
}

function wrongLength(of: "title" | "text", expected: number, line: Uint8Array, start: number): WireError {
  const pipe = line.indexOf(PIPE, start);
  const found = (pipe < 0 ? line.length : pipe) - start;
  const place = pipe < 0 ? "to the end of the line" : "to the next pipe";
  return refuse(`${of}_len`, `the ${of} length is said to be ${expected} bytes, found ${found} ${place}`);
}

function choice(prefix: string, token: string, what: string, words: readonly string[]): SectionKind {
  return {
    prefix,
    name: token,
    refuse(text) {
      if (words.includes(text)) return null;
      return {
        reason: token,
        message: `Cannot read the ${what} ${quoted(text)}: it must be one of ${words.join(" ")}`,
      };
    },
  };
}

function refuse(reason: string, why: string): WireError {
  return { reason, message: `Cannot read the event: ${why}` };
}
