import type { ProtoReader, ProtoWriter } from "../bytes/mod.ts";
import { utf8 } from "./wire_text.ts";

/**
 * Reads a tag, `{1 key, 2 value}`: a map entry, or an `SSFTag` of 2017. Of equal keys the later one stays.
 *
 * @throws {ByteError} if the bytes are not that message
 */
export function readTag(reader: ProtoReader, tags: Map<string, string>): void {
  let key = "", value = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = utf8(reader.bytes());
    else if (field === 2) value = utf8(reader.bytes());
    else reader.skip();
  }
  tags.set(key, value);
}

/** Tags as an object. `fromEntries` defines properties, so that a tag called `__proto__` is a tag. */
export function tagRecord(tags: Map<string, string>): Readonly<Record<string, string>> {
  return tags.size === 0 ? NO_TAGS : Object.fromEntries(tags);
}

const NO_TAGS: Readonly<Record<string, string>> = Object.freeze({});

/** Writes each tag as a field `{1 key, 2 value}`. */
export function writeTags(field: number, tags: Readonly<Record<string, string>>, writer: ProtoWriter): void {
  for (const [key, value] of Object.entries(tags)) {
    writer.message(field, (entry) => {
      entry.text(1, key);
      entry.text(2, value);
    });
  }
}
