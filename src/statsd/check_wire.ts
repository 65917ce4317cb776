import type { Check, CheckStatus } from "../metric/mod.ts";
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

const PIPE = 0x7c;
const STATUS_WORDS = ["0", "1", "2", "3"];

/** A check, and what its packet said besides: fields that are accepted but have no effect. */
export type ParsedCheck = Check & CommonFields;

const MESSAGE: SectionKind = { prefix: "m:", name: "message", last: true };
const KINDS = [DATE, HOSTNAME, TAGS, MESSAGE, CONTAINER, EXTERNAL_DATA, CARDINALITY];

/**
 * Parses one service check, `b[start, end)`, a line without its LF and CR:
 *
 * ```text
 * _sc|NAME|STATUS|d:UNIX|h:HOST|#tag,tag|m:MESSAGE|c:ID|e:DATA|card:low
 * ```
 *
 * What follows the status is optional; only `c:`, `e:` and `card:` may follow the message. In the message a
 * backslash-n is a line feed, and `m\:`, which clients write so that no `m:` stands in it, is `m:` again.
 * `receiveTimeS` (whole Unix seconds) stands in for a missing date. Reasons of a refusal: `prefix`, `empty_name`,
 * `status`, `empty_section`, `date`, `dup`, `message_last`, `unknown`, `container`.
 */
export function parseCheck(b: Uint8Array, start: number, end: number, receiveTimeS: number): ParsedCheck | WireError {
  const line = b.subarray(start, end);
  const head = utf8(line.subarray(0, 4));
  if (head !== "_sc|") return refuse("prefix", `it needs the prefix _sc and a pipe, found ${quoted(head)}`);

  // _sc|db.up|0|…
  //     ^    ^ ^
  const nameEnd = pipeFrom(line, 4);
  if (nameEnd === 4) return refuse("empty_name", "it has an empty name");
  if (nameEnd === line.length) return refuse("status", "it needs a pipe and a status behind the name");
  const statusEnd = pipeFrom(line, nameEnd + 1);
  const word = utf8(line.subarray(nameEnd + 1, statusEnd));
  const status = STATUS_WORDS.indexOf(word);
  if (status < 0) return refuse("status", `the status must be 0, 1, 2 or 3, found ${quoted(word)}`);

  const sections = readSections(line, statusEnd, KINDS);
  if (isWireError(sections)) return sections;
  const message = sections.get(MESSAGE)?.replaceAll("\\n", "\n").replaceAll("m\\:", "m:");
  return {
    name: utf8(line.subarray(4, nameEnd)),
    status: status as CheckStatus,
    ...commonFields(sections, receiveTimeS),
    ...(message !== undefined && { message }),
  };
}

function pipeFrom(line: Uint8Array, from: number): number {
  const pipe = line.indexOf(PIPE, from);
  return pipe < 0 ? line.length : pipe;
}

function refuse(reason: string, why: string): WireError {
  return { reason, message: `Cannot read the service check: ${why}` };
}
