/** Rows of a block as people read them: values that are zero or empty left out. */
import { formatAddress } from "../address.ts";
import { readBlock } from "./native_block.ts";

/** A value of a row. */
export type BlockValue = number | bigint | string | readonly (number | bigint)[];

/** The rows of a block in the Native format. @throws {BlockError} */
export function blockRows(block: Uint8Array): Record<string, BlockValue>[] {
  const { rows, columns } = readBlock(block);
  return Array.from({ length: rows }, (_, row) => {
    const object: Record<string, BlockValue> = {};
    for (const { name, type, values: { octets, width, bounds, indexes } } of columns) {
      const index = indexes === undefined ? row : indexes[row]!;
      const start = width === undefined ? bounds![index]! : index * width;
      const value = valueOf(octets.subarray(start, width === undefined ? bounds![index + 1]! : start + width), type);
      if (value !== undefined) object[name] = value;
    }
    return object;
  });
}

/** How many rows a block in the Native format has. @throws {BlockError} */
export function blockRowCount(block: Uint8Array): number {
  return readBlock(block).rows;
}

/** The value of these octets of the RowBinary format; `undefined`: zero or empty. */
function valueOf(octets: Uint8Array, type: string): BlockValue | undefined {
  const [, outer = type, inner = ""] = /^(\w+)\((.*)\)$/s.exec(type) ?? [];
  switch (outer) {
    case "LowCardinality":
      return valueOf(octets, inner);
    case "Array":
      return listOf(octets, inner);
    case "Enum8":
      return enumName(octets[0]!, inner);
    case "String":
      return textOf(octets.subarray(octets.findIndex((octet) => octet < 0x80) + 1));
    case "FixedString":
      return textOf(octets.subarray(0, octets.findLastIndex((octet) => octet !== 0) + 1));
    case "IPv6": {
      const words = new Uint32Array(octets.slice().buffer);
      return words.every((word) => word === 0) ? undefined : formatAddress(words);
    }
    default: {
      const value = numberOf(octets);
      return value === 0 ? undefined : value;
    }
  }
}

function textOf(octets: Uint8Array): string | undefined {
  return octets.length === 0 ? undefined : new TextDecoder().decode(octets);
}

function numberOf(octets: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = octets.length - 1; i >= 0; i--) value = value << 8n | BigInt(octets[i]!);
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function listOf(octets: Uint8Array, type: string): BlockValue | undefined {
  const width = Number(/\d+$/.exec(type)![0]) / 8;
  const start = octets.findIndex((octet) => octet < 0x80) + 1;
  const values: (number | bigint)[] = [];
  for (let at = start; at < octets.length; at += width) values.push(numberOf(octets.subarray(at, at + width)));
  return values.length === 0 ? undefined : values;
}

/** `'undefined' = 0, 'ingress' = 1` names the values. */
function enumName(value: number, names: string): string | number | undefined {
  if (value === 0) return undefined;
  return new RegExp(`'([^']*)' = ${value}(?:,|$)`).exec(names)?.[1] ?? value;
}
