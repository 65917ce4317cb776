/** What the sets of one datagram of NetFlow or IPFIX have in common. */
import type { FlowBatch } from "../columns_batch.ts";
import type { Datagram } from "./datagram.ts";
import type { Domain } from "./state.ts";

/** A datagram on its way to rows; the decoder has one and fills it anew. */
export interface Message {
  datagram: Datagram;
  batch: FlowBatch;
  octets: Uint8Array;
  view: DataView;
  /** Where the datagram starts in `octets`. */
  start: number;
  /** 5, 9 or 10. */
  version: number;
  domainId: number;
  /** What is known of the domain; undefined until there is something. */
  domain: Domain | undefined;
  /** Unix seconds and milliseconds of the header. */
  headerS: number;
  headerMs: number;
  /** sysUptime, milliseconds; 0 for IPFIX. */
  uptimeMs: number;
  /** Pool number of the exporter's address. */
  exporterId: number;
  /** Rows that the datagram may still give. */
  rowsLeft: number;
}
