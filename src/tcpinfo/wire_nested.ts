/** Attributes inside attributes: `struct nlattr`, uapi/linux/netlink.h. */

/** One attribute of a nest. */
export interface NestedAttribute {
  /** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
  readonly number: number;
  /** Its value: a view. */
  readonly value: Uint8Array;
}

const HEADER_BYTES = 4;
const NUMBER_MASK = 0x3fff;

/** The attributes that `nest` holds, in their order; undefined if a length in it cannot be. */
export function readNest(nest: Uint8Array): NestedAttribute[] | undefined {
  const attributes: NestedAttribute[] = [];
  for (let at = 0; nest.length - at >= HEADER_BYTES;) {
    const length = nest[at]! | nest[at + 1]! << 8;
    if (length < HEADER_BYTES || length > nest.length - at) return undefined;
    const number = (nest[at + 2]! | nest[at + 3]! << 8) & NUMBER_MASK;
    attributes.push({ number, value: nest.subarray(at + HEADER_BYTES, at + length) });
    at += length + 3 & ~3;
  }
  return attributes;
}

/** How the value of a nested attribute is read. */
export type NestedType = "u8" | "u16" | "u32" | "u64" | "flag" | "text" | "bytes";

/** A number, or undefined where the value is shorter than its type. */
export function readNestedNumber(value: Uint8Array, type: "u8" | "u16" | "u32" | "u64"): number | bigint | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  switch (type) {
    case "u8":
      return value[0];
    case "u16":
      return value.length < 2 ? undefined : view.getUint16(0, true);
    case "u32":
      return value.length < 4 ? undefined : view.getUint32(0, true);
    case "u64":
      return value.length < 8 ? undefined : view.getBigUint64(0, true);
  }
}
