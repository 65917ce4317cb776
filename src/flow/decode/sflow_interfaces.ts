/** Interfaces of flow samples: an index, or why there is none. */
import type { FlowBatch } from "../columns_batch.ts";

/** Interface formats: the two high bits of an interface, or a word of their own. */
const IF_INDEX = 0;
const IF_DISCARDED = 1;
/** The index that stands for the exporter itself. */
export const LOCAL = 0x3fffffff;

/** Writes the interfaces of a sample. A packet that went nowhere has a forwarding status that says why. */
export function writeInterfaces(
  batch: FlowBatch,
  row: number,
  inFormat: number,
  inValue: number,
  outFormat: number,
  outValue: number,
): void {
  if (inFormat === IF_INDEX && inValue !== LOCAL) batch.inIf[row] = inValue;
  if (outFormat === IF_INDEX) {
    if (outValue !== LOCAL) batch.outIf[row] = outValue;
  } else if (outFormat === IF_DISCARDED) {
    batch.forwardingStatus[row] = statusOfReason(outValue);
  }
}

/** Why a packet was discarded, as a forwarding status. */
function statusOfReason(reason: number): number {
  switch (reason) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 5:
    case 6:
    case 7:
    case 263:
      return 131; // unroutable
    case 4:
      return 133; // fragmentation needed, and forbidden
    case 8:
      return 132; // adjacency
    case 9:
    case 10:
      return 129; // denied by an access list
    case 257:
      return 137; // bad TTL
    case 258:
    case 269:
      return 130; // dropped by an access list
    case 259:
      return 143; // hardware
    case 260:
      return 139; // WRED
    case 261:
      return 138; // policer
    case 262:
      return 135; // bad total length
    case 302:
      return 140; // reverse path
    default:
      return 128; // dropped, unknown
  }
}
