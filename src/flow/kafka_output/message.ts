/** The message of an enriched flow: its fields, and the text that says so to who reads the topic. */
import { type Column, COLUMNS, type ColumnStorage } from "../columns.ts";
import { base32, fnv1Hash128 } from "../store/schema_hash.ts";

/** One field of the message. */
export interface MessageField {
  readonly column: Column;
  /** Its number: the column's place among all columns, from 1, so that a column that comes into use moves no other. */
  readonly number: number;
  /** Its type in protobuf. */
  readonly type: string;
}

/** The message of a schema. */
export interface EnrichedMessage {
  /** Ascending by number. */
  readonly fields: readonly MessageField[];
  /** Names the layout: another one has another topic. */
  readonly hash: string;
  /** The definition as the text of a `.proto` file, proto3. */
  readonly proto: string;
}

const TYPES: Readonly<Record<ColumnStorage, string>> = {
  u8: "uint32",
  u16: "uint32",
  u32: "uint32",
  u64: "uint64",
  address: "bytes",
  pooledAddress: "bytes",
  text: "string",
  code2: "string",
  list32: "repeated uint32",
  list128: "repeated bytes",
};

/** The message that holds these columns. Columns that the server computes are in none. */
export function enrichedMessage(columns: readonly Column[]): EnrichedMessage {
  const names = new Set(columns.map(({ name }) => name));
  const fields = COLUMNS.map((column, place) => ({ column, number: place + 1, type: TYPES[column.storage] }))
    .filter(({ column }) => names.has(column.name));
  const lines = fields.map(({ column, number, type }) => `${type} ${column.name} = ${number};`);
  const hash = base32(fnv1Hash128(lines.join("")));
  const body = lines.map((line) => `  ${line}\n`).join("");
  return { fields, hash, proto: `syntax = "proto3";\n\nmessage FlowMessagev${hash} {\n${body}}\n` };
}
