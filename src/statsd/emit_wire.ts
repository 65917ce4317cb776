/** The metric types that are sent: a count, a gauge, a timer in milliseconds, a set's member. */
export type EmittedType = "c" | "g" | "ms" | "s";

/** The fields of an event to send; an optional part appears only if it is given. */
export interface EventFields {
  readonly title: string;
  readonly text: string;
  /** Whole Unix seconds. */
  readonly timestamp?: number;
  readonly hostname?: string;
  readonly aggregationKey?: string;
  readonly priority?: string;
  readonly sourceType?: string;
  readonly alertType?: string;
  readonly tags?: readonly string[];
}

/** The fields of a service check to send; an optional part appears only if it is given. */
export interface CheckFields {
  readonly name: string;
  /** 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
  readonly status: number;
  /** Whole Unix seconds. */
  readonly timestamp?: number;
  readonly hostname?: string;
  readonly tags?: readonly string[];
  readonly message?: string;
}

const encoder = new TextEncoder();

/**
 * `name:VALUE|type|#tags`, without a line end. A count given as `bigint` is written exactly; an `ms` value is in
 * milliseconds and written with 6 decimals (nanoseconds are exact up to 99 days).
 *
 * @throws {RangeError} if the parts can't be written so that a server reads them back
 */
export function metricPacket(
  name: string,
  value: number | bigint | string,
  type: EmittedType,
  tags: readonly string[] = [],
): string {
  if (name === "") throw new RangeError("Cannot send a metric: its name cannot be empty");
  part("the metric name", name, ":|\n");
  return line(`${name}:${valueText(value, type)}|${type}${tagSection(tags)}`);
}

/**
 * `_e{TITLE_BYTES,TEXT_BYTES}:title|text` and the optional parts in the order d h k p s t #, without a line end.
 * Line feeds become backslash-n, and the lengths are those of what is then sent.
 *
 * @throws {RangeError} if the parts can't be written so that a server reads them back
 */
export function eventPacket(fields: EventFields): string {
  const title = escaped(fields.title);
  const text = escaped(fields.text);
  if (title === "") throw new RangeError("Cannot send an event: its title cannot be empty");
  if (text === "") throw new RangeError("Cannot send an event: its text cannot be empty");
  return line(
    `_e{${byteLength(title)},${byteLength(text)}}:${title}|${text}` +
      dateSection(fields.timestamp) +
      section("h:", "the hostname", fields.hostname) +
      section("k:", "the aggregation key", fields.aggregationKey) +
      choiceSection("p:", "the priority", fields.priority, ["normal", "low"]) +
      section("s:", "the source type", fields.sourceType) +
      choiceSection("t:", "the alert type", fields.alertType, ["error", "warning", "info", "success"]) +
      tagSection(fields.tags ?? []),
  );
}

/**
 * `_sc|name|status` and the optional parts in the order d h # m, without a line end. Line feeds of the message become
 * backslash-n; an `m:` inside it stays, as every server reads the message to its end.
 *
 * @throws {RangeError} if the parts can't be written so that a server reads them back
 */
export function checkPacket(fields: CheckFields): string {
  const { name, status } = fields;
  if (name === "") throw new RangeError("Cannot send a service check: its name cannot be empty");
  part("the check name", name, "|\n");
  if (!(Number.isInteger(status) && status >= 0 && status <= 3)) {
    throw new RangeError(`Cannot send a service check: its status is ${status}, write 0, 1, 2 or 3`);
  }
  const message = fields.message === undefined ? undefined : escaped(fields.message);
  return line(
    `_sc|${name}|${status}` +
      dateSection(fields.timestamp) +
      section("h:", "the hostname", fields.hostname) +
      tagSection(fields.tags ?? []) +
      section("m:", "the message", message),
  );
}

/** Joins lists of tags in their order; of tags with the same key (up to the first colon) the last one stays. */
export function mergeTags(...lists: readonly (readonly string[])[]): string[] {
  const byKey = new Map<string, string>();
  for (const tag of lists.flat()) {
    if (tag === "") continue;
    const colon = tag.indexOf(":");
    const key = colon < 0 ? tag : tag.slice(0, colon);
    byKey.delete(key); // so that the winner stands where it was given
    byKey.set(key, tag);
  }
  return [...byKey.values()];
}

function valueText(value: number | bigint | string, type: EmittedType): string {
  if (type === "s") return part("the set value", String(value), "|\n");
  if (typeof value === "string" || !(typeof value === "bigint" || Number.isFinite(value))) {
    throw new RangeError(`Cannot send the value ${value}: write a finite number`);
  }
  if (type === "ms") return Number(value).toFixed(6);
  return String(value);
}

function tagSection(tags: readonly string[]): string {
  for (const tag of tags) part("the tag", tag, ",|\n");
  return tags.length === 0 ? "" : `|#${tags.join(",")}`;
}

function dateSection(timestamp: number | undefined): string {
  if (timestamp === undefined) return "";
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return `|d:${timestamp}`;
  throw new RangeError(`Cannot send the time ${timestamp}: write whole Unix seconds`);
}

function section(prefix: string, what: string, text: string | undefined): string {
  return text === undefined ? "" : `|${prefix}${part(what, text, "|\n")}`;
}

function choiceSection(prefix: string, what: string, word: string | undefined, words: readonly string[]): string {
  if (word === undefined) return "";
  if (words.includes(word)) return `|${prefix}${word}`;
  throw new RangeError(`Cannot send ${what} ${JSON.stringify(word)}: write one of ${words.join(" ")}`);
}

/** Gives `text` back unless it has a character that would end it early. */
function part(what: string, text: string, forbidden: string): string {
  for (const character of forbidden) {
    if (text.includes(character)) {
      const shown = JSON.stringify(character);
      throw new RangeError(`Cannot send ${what} ${JSON.stringify(text)}: it cannot contain ${shown}, take it out`);
    }
  }
  return text;
}

/** Servers take a CR in front of the line end for a part of it. */
function line(packet: string): string {
  if (!packet.endsWith("\r")) return packet;
  throw new RangeError("Cannot send the packet: it cannot end in a carriage return, take it out");
}

function escaped(text: string): string {
  return text.replaceAll("\n", "\\n");
}

function byteLength(text: string): number {
  return encoder.encode(text).length;
}
