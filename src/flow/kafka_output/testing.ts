/** What tests of the output share: messages read as whoever has the definition reads them. */
import protobuf from "protobufjs";
import { formatAddress } from "../address.ts";
import { COLUMNS } from "../columns.ts";
import type { BlockValue } from "../store/mod.ts";

/** Reads messages by the text of their definition, into rows as `blockRows()` has them. */
export function messageReader(proto: string): (message: Uint8Array) => Record<string, BlockValue> {
  const { root } = protobuf.parse(proto, { keepCase: true });
  const type = root.lookupType(/^message (\w+) /m.exec(proto)![1]!);
  return (message) => {
    const object = type.toObject(type.decode(message), { longs: String }) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, shown(name, value)]));
  };
}

function shown(name: string, value: unknown): BlockValue {
  const { type } = COLUMNS.find((column) => column.name === name)!;
  if (value instanceof Uint8Array) return formatAddress(new Uint32Array(Uint8Array.from(value).buffer));
  if (Array.isArray(value)) return value.map((each) => each instanceof Uint8Array ? plain(bigEndian(each)) : each);
  if (type.startsWith("Enum8")) return new RegExp(`'([^']*)' = ${value}\\b`).exec(type)![1]!;
  return type === "UInt64" ? plain(BigInt(value as string)) : value as number | string;
}

function bigEndian(octets: Uint8Array): bigint {
  return octets.reduce((sum, octet) => sum << 8n | BigInt(octet), 0n);
}

function plain(value: bigint): number | bigint {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** The messages of an encoder. */
export function messagesOf(
  { octets, ends }: { readonly octets: Uint8Array; readonly ends: ArrayLike<number> },
): Uint8Array[] {
  return Array.from(ends, (end, i) => octets.subarray(i === 0 ? 0 : ends[i - 1], end));
}
