import { type Template, VARIABLE } from "./template.ts";

/** Where the fields of one record are, by their index in the template. */
export interface RecordLayout {
  /** From the start of the record. */
  readonly offsets: Int32Array<ArrayBuffer>;
  readonly lengths: Int32Array<ArrayBuffer>;
}

/** Room for records of so many fields. */
export function newRecordLayout(fields: number): RecordLayout {
  return { offsets: new Int32Array(fields), lengths: new Int32Array(fields) };
}

/**
 * Finds the fields of the record at `at`: a variable length stands before its field, in one octet, or after 255 in two
 * more (RFC 7011 §7).
 *
 * @returns where the record ends; -1 if that is beyond `end`
 */
export function layOut(template: Template, octets: Uint8Array, at: number, end: number, out: RecordLayout): number {
  const { fields, isVariable } = template;
  const { offsets, lengths } = out;
  let next = at;
  for (let index = 0, i = 1; i < fields.length; index++, i += 2) {
    let length = fields[i]!;
    if (isVariable && length === VARIABLE) {
      if (next >= end) return -1;
      length = octets[next++]!;
      if (length === 255) {
        if (end - next < 2) return -1;
        length = octets[next]! << 8 | octets[next + 1]!;
        next += 2;
      }
    }
    offsets[index] = next - at;
    lengths[index] = length;
    next += length;
    if (next > end) return -1;
  }
  return next;
}
