/** The systems an executable can be made for, by Deno's names. */
export const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] as const;
/** A system an executable can be made for. */
export type Target = (typeof TARGETS)[number];

/** `e_machine` of an ELF header: EM_X86_64 and EM_AARCH64 of elf.h. */
const MACHINES: Readonly<Record<Target, number>> = {
  "x86_64-unknown-linux-gnu": 62,
  "aarch64-unknown-linux-gnu": 183,
};

/** The target that `text` names, or undefined. */
export function asTarget(text: string): Target | undefined {
  return TARGETS.find((target) => target === text);
}

/**
 * Why a file can't be the runtime of a target, or null if it can: an ELF header names the machine it is for. What has no
 * ELF header, such as a script, is taken as it is.
 *
 * @param head the file's first 20 bytes or more
 */
export function whyNotFor(target: Target, head: Uint8Array): string | null {
  const isElf = head.length >= 20 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
  if (!isElf) return null;
  const machine = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint16(18, true);
  if (machine === MACHINES[target]) return null;
  const built = TARGETS.find((other) => MACHINES[other] === machine) ?? `machine ${machine}`;
  return `it is built for ${built}`;
}
