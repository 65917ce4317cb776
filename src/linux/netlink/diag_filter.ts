/**
 * Filters that the kernel runs over each socket of a dump: `struct inet_diag_bc_op`, uapi/linux/inet_diag.h.
 *
 * ```text
 * instruction = u8 code, u8 yes, u16 no, operand
 * ```
 *
 * `yes` and `no` are byte offsets from the instruction to the next one. A socket is reported if the program ends exactly at
 * its end, and left out if it ends four bytes behind.
 */
import type { DiagFamily } from "./diag_request.ts";

/** Which end of a connection a rule looks at. */
export type End = "local" | "remote";

/** Sockets to be left out: those with this port, or with an address in this prefix. */
export type DenyRule =
  | { readonly end: End; readonly port: number }
  | {
    readonly end: End;
    /** 4 or 16 bytes. One of 4 bytes stands for its IPv4-mapped form as well. */
    readonly address: Uint8Array;
    /** Leading bits that have to be equal, 1 to 32 or 128. */
    readonly prefixBits: number;
  };

// INET_DIAG_BC_*
const JMP = 1;
const CONDITION = { local: 7, remote: 8 } as const;
const PORT_EQUALS = { local: 11, remote: 12 } as const;

const OP_BYTES = 4;
const HOST_CONDITION_BYTES = 8;
const ANY_PORT = -1;
const LONGEST_PROGRAM = 0xffff - 4;

/**
 * The program that leaves out what any of the rules describes. Prefixes of 16 bytes match nothing in a dump of AF_INET and
 * are not written into its program.
 *
 * @returns undefined if there is nothing to leave out
 * @throws {RangeError} if a rule cannot be, or there are more than fit into one request: some 2,700 addresses of IPv4
 */
export function encodeDenyFilter(family: DiagFamily, rules: readonly DenyRule[]): Uint8Array<ArrayBuffer> | undefined {
  const conditions = rules.filter((rule) => "port" in rule || family === 10 || rule.address.length === 4)
    .map(encodeCondition);
  if (conditions.length === 0) return undefined;
  const length = conditions.reduce((sum, { length }) => sum + length + OP_BYTES, 0);
  if (length > LONGEST_PROGRAM) {
    throw new RangeError(`Cannot filter in the kernel: ${rules.length} rules take ${length} bytes, it takes 65531`);
  }
  const program = new Uint8Array(length);
  const view = new DataView(program.buffer);
  let at = 0;
  for (const condition of conditions) {
    program.set(condition, at);
    at += condition.length;
    program[at] = JMP;
    program[at + 1] = OP_BYTES;
    view.setUint16(at + 2, length - at + OP_BYTES, true); // to four bytes behind the end: left out
    at += OP_BYTES;
  }
  return program;
}

/** One condition: fulfilled it goes on to the jump behind it, otherwise beyond that. */
function encodeCondition(rule: DenyRule): Uint8Array {
  if ("port" in rule) {
    if (!Number.isInteger(rule.port) || rule.port < 0 || rule.port > 65535) {
      throw new RangeError(`Cannot filter port ${rule.port}: write 0 to 65535`);
    }
    const bytes = operation(PORT_EQUALS[rule.end], OP_BYTES);
    new DataView(bytes.buffer).setUint16(OP_BYTES + 2, rule.port, true); // in the `no` of a second operation
    return bytes;
  }
  const { address, prefixBits } = rule;
  if (address.length !== 4 && address.length !== 16) {
    throw new RangeError(`Cannot filter an address of ${address.length} bytes: write 4 or 16`);
  }
  if (!Number.isInteger(prefixBits) || prefixBits < 1 || prefixBits > 8 * address.length) {
    throw new RangeError(`Cannot filter a prefix of ${prefixBits} bits: write 1 to ${8 * address.length}`);
  }
  const bytes = operation(CONDITION[rule.end], HOST_CONDITION_BYTES + address.length);
  bytes[OP_BYTES] = address.length === 4 ? 2 : 10;
  bytes[OP_BYTES + 1] = prefixBits;
  new DataView(bytes.buffer).setInt32(OP_BYTES + 4, ANY_PORT, true);
  bytes.set(address, OP_BYTES + HOST_CONDITION_BYTES);
  return bytes;
}

function operation(code: number, operandBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(OP_BYTES + operandBytes);
  bytes[0] = code;
  bytes[1] = bytes.length;
  new DataView(bytes.buffer).setUint16(2, bytes.length + OP_BYTES, true);
  return bytes;
}
