/** How the columns that no exporter sends are computed. `{database}` stands for where dictionaries are. */

interface Computation {
  readonly expression: string;
  /** The columns it is computed from. */
  readonly from: readonly string[];
}

/** Lower bounds of the sizes of packets that are told apart, but for the first, which is 0. */
const SIZES = [64, 128, 256, 512, 768, 1024, 1280, 1501, 2048, 3072, 4096, 8192, 10_240, 16_384, 32_768, 65_536];

function prefix(side: "Src" | "Dst"): Computation {
  const [address, mask] = [`${side}Addr`, `${side}NetMask`];
  const range = (bits: string) => `toString(tupleElement(IPv6CIDRToRange(${address}, toUInt8(${bits})), 1))`;
  return {
    expression: `multiIf(EType = 2048, concat(replaceOne(${range(`96 + least(${mask}, 32)`)}, '::ffff:', ''), '/', ` +
      `toString(${mask})), EType = 34525, concat(${range(`least(${mask}, 128)`)}, '/', toString(${mask})), '')`,
    from: [address, mask, "EType"],
  };
}

function icmp(version: 4 | 6, proto: number): Computation {
  const [type, code] = [`ICMPv${version}Type`, `ICMPv${version}Code`];
  return {
    expression: `if(Proto = ${proto}, dictGetOrDefault({database}.icmp, 'name', ` +
      `tuple(toUInt8(${proto}), ${type}, ${code}), concat(toString(${type}), '/', toString(${code}))), '')`,
    from: [type, code, "Proto"],
  };
}

/** Written out where it is needed: an alias is not there yet when a row is stored. */
const SIZE = "intDivOrZero(Bytes, Packets)";

function sizeBucket(): string {
  const steps = SIZES.map((next, i) => `${SIZE} < ${next}, '${SIZES[i - 1] ?? 0}-${next - 1}'`);
  return `multiIf(${steps.join(", ")}, '${SIZES.at(-1)}-Inf')`;
}

const COMPUTATIONS: Readonly<Record<string, Computation>> = {
  SrcNetPrefix: prefix("Src"),
  DstNetPrefix: prefix("Dst"),
  Dst1stAS: { expression: "arrayElement(arrayCompact(DstASPath), 1)", from: ["DstASPath"] },
  Dst2ndAS: { expression: "arrayElement(arrayCompact(DstASPath), 2)", from: ["DstASPath"] },
  Dst3rdAS: { expression: "arrayElement(arrayCompact(DstASPath), 3)", from: ["DstASPath"] },
  PacketSize: { expression: SIZE, from: ["Bytes", "Packets"] },
  PacketSizeBucket: { expression: sizeBucket(), from: ["PacketSize"] },
  ICMPv4: icmp(4, 1),
  ICMPv6: icmp(6, 58),
  MPLS1stLabel: { expression: "arrayElement(MPLSLabels, 1)", from: ["MPLSLabels"] },
  MPLS2ndLabel: { expression: "arrayElement(MPLSLabels, 2)", from: ["MPLSLabels"] },
  MPLS3rdLabel: { expression: "arrayElement(MPLSLabels, 3)", from: ["MPLSLabels"] },
  MPLS4thLabel: { expression: "arrayElement(MPLSLabels, 4)", from: ["MPLSLabels"] },
};

/** How a computed column is computed. @throws {RangeError} if there is none of that name */
export function expressionOf(name: string): string {
  const found = COMPUTATIONS[name];
  if (found === undefined) throw new RangeError(`Cannot compute ${name}: it has no expression`);
  return found.expression;
}

/** The columns that a computed column needs; none for others. */
export function referencesOf(name: string): readonly string[] {
  return COMPUTATIONS[name]?.from ?? [];
}
