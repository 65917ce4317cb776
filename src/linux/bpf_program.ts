/**
 * The programs that choose a socket of a reuseport group, instruction by instruction. Pure: numbers in, bytes out.
 *
 * An eBPF instruction is 8 bytes (uapi/linux/bpf.h): opcode u8, registers u8 (source high, destination low), offset i16,
 * immediate i32. One of classic BPF too (uapi/linux/filter.h): code u16, jump if true u8, if false u8, operand u32. Both
 * little-endian, as our targets are.
 */

/** Bytes of one instruction, of either kind. */
export const INSTRUCTION_BYTES = 8;

/** The most sockets of a group that a program chooses among. */
export const MAX_GROUP_SOCKETS = 256;

// Opcodes of eBPF: class, size or source, operation.
const MOV = 0xbf; // dst = src
const MOV_IMM = 0xb7; // dst = imm
const ADD_IMM = 0x07; // dst += imm
const MOD_IMM = 0x97; // dst %= imm, unsigned 64 bits
const LOAD_U32 = 0x61; // dst = *(u32 *)(src + off)
const LOAD_U64 = 0x79; // dst = *(u64 *)(src + off)
const STORE_U32 = 0x63; // *(u32 *)(dst + off) = src
const STORE_U64 = 0x7b; // *(u64 *)(dst + off) = src
const STORE_U32_IMM = 0x62; // *(u32 *)(dst + off) = imm
const LOAD_IMM64 = 0x18; // dst = imm, in two instructions
const JUMP_IF_ZERO = 0x15; // if dst == imm goto pc + 1 + off
const CALL = 0x85;
const EXIT = 0x95;

/** `BPF_PSEUDO_MAP_FD`, in the place of the source register: the immediate is a map's descriptor. */
const MAP_FD = 1;
/** `BPF_FUNC_map_lookup_elem` and `BPF_FUNC_sk_select_reuseport`. */
const MAP_LOOKUP = 1;
const SELECT_REUSEPORT = 82;
/** What a program of type SK_REUSEPORT returns: take the socket selected, or the kernel's hash where none was. */
const SK_PASS = 1;
/** Where `struct sk_reuseport_md` has the hash of the packet's addresses and ports. Since Linux 4.19, as all that is read. */
const MD_HASH = 32;
/** Where the programs keep the key of a map: below the frame pointer. */
const KEY = -4;

const [R0, R1, R2, R3, R4, R6, R10] = [0, 1, 2, 3, 4, 6, 10] as const;

type Instruction = readonly [opcode: number, dst: number, src: number, off: number, imm: number];

/** What the programs of eBPF work with. */
export interface BalanceProgram {
  /** Descriptor of the REUSEPORT_SOCKARRAY with the group's sockets at 0 to `sockets - 1`. */
  readonly socketsFd: number;
  /** 1 to 256. */
  readonly sockets: number;
}

/**
 * Each packet to the next socket. The rotation is counted for each CPU, which costs no contention; a sender that migrates
 * starts elsewhere in it.
 *
 * @param counterFd descriptor of a PERCPU_ARRAY with one u64
 */
export function packetProgram({ socketsFd, sockets }: BalanceProgram, counterFd: number): Uint8Array<ArrayBuffer> {
  checkSockets(sockets);
  return assemble([
    [MOV, R6, R1, 0, 0], // the context
    [STORE_U32_IMM, R10, 0, KEY, 0],
    ...mapInto(R1, counterFd),
    ...keyInto(R2),
    [CALL, 0, 0, 0, MAP_LOOKUP],
    [JUMP_IF_ZERO, R0, 0, 13, 0], // never so, but the verifier wants to know; no socket is selected then
    [LOAD_U64, R1, R0, 0, 0],
    [MOV, R2, R1, 0, 0],
    [ADD_IMM, R2, 0, 0, 1],
    [STORE_U64, R0, R2, 0, 0],
    [MOD_IMM, R1, 0, 0, sockets],
    [STORE_U32, R10, R1, KEY, 0],
    ...selectFrom(socketsFd),
  ]);
}

/** Each sender to a socket of its own, by the hash that the kernel would take: so order within a sender is kept. */
export function senderProgram({ socketsFd, sockets }: BalanceProgram): Uint8Array<ArrayBuffer> {
  checkSockets(sockets);
  return assemble([
    [MOV, R6, R1, 0, 0],
    [LOAD_U32, R1, R6, MD_HASH, 0],
    [MOD_IMM, R1, 0, 0, sockets],
    [STORE_U32, R10, R1, KEY, 0],
    ...selectFrom(socketsFd),
  ]);
}

/** Selects the socket whose index stands at `KEY`, and ends. Where its place is empty, the kernel's hash decides. */
function selectFrom(socketsFd: number): Instruction[] {
  return [
    [MOV, R1, R6, 0, 0],
    ...mapInto(R2, socketsFd),
    ...keyInto(R3),
    [MOV_IMM, R4, 0, 0, 0], // flags
    [CALL, 0, 0, 0, SELECT_REUSEPORT],
    [MOV_IMM, R0, 0, 0, SK_PASS],
    [EXIT, 0, 0, 0, 0],
  ];
}

function mapInto(register: number, fd: number): Instruction[] {
  return [[LOAD_IMM64, register, MAP_FD, 0, fd], [0, 0, 0, 0, 0]];
}

function keyInto(register: number): Instruction[] {
  return [[MOV, register, R10, 0, 0], [ADD_IMM, register, 0, 0, KEY]];
}

function assemble(instructions: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, [opcode, dst, src, off, imm]] of instructions.entries()) {
    const at = i * INSTRUCTION_BYTES;
    bytes[at] = opcode;
    bytes[at + 1] = src << 4 | dst;
    view.setInt16(at + 2, off, true);
    view.setInt32(at + 4, imm, true);
  }
  return bytes;
}

// Classic BPF.
const LOAD_WORD = 0x20; // A = word at k
const MODULO = 0x94; // A %= k
const ADD = 0x04; // A += k
const RETURN_A = 0x16;
const RETURN = 0x06; // k
/** `SKF_AD_OFF + SKF_AD_RANDOM`, uapi/linux/filter.h. */
const RANDOM = 0xffff_f038;

/**
 * Each packet to any of `sockets`, which stand at the places from `first` on. Places follow the order of binding, until one
 * closes: then the last takes its place. A place that nobody has leaves the choice to the kernel's hash.
 */
export function classicRandom(sockets: number, first = 0): Uint8Array<ArrayBuffer> {
  checkSockets(sockets);
  if (sockets === 1) return classicOne(first);
  return assembleClassic([
    [LOAD_WORD, RANDOM],
    [MODULO, sockets],
    ...first === 0 ? [] : [[ADD, first] as const],
    [RETURN_A, 0],
  ]);
}

/** Every packet to the one at `place`. */
export function classicOne(place: number): Uint8Array<ArrayBuffer> {
  return assembleClassic([[RETURN, place]]);
}

function assembleClassic(instructions: readonly (readonly [code: number, k: number])[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, k]] of instructions.entries()) {
    view.setUint16(i * INSTRUCTION_BYTES, code, true);
    view.setUint32(i * INSTRUCTION_BYTES + 4, k, true);
  }
  return bytes;
}

function checkSockets(sockets: number): void {
  if (Number.isInteger(sockets) && sockets >= 1 && sockets <= MAX_GROUP_SOCKETS) return;
  throw new RangeError(`Cannot balance ${sockets} sockets: write 1 to ${MAX_GROUP_SOCKETS}`);
}
