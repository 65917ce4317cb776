/** What tests of this module and of others make datagrams with. */
import type { RawFlowSettings } from "./raw_flow.ts";

/** The settings of a listener of NetFlow that says nothing else. */
export const RAW_FLOW_SETTINGS: RawFlowSettings = {
  decoder: "netflow",
  timestampSource: "input",
  decapsulation: "none",
  useSourceAddress: false,
  rateLimit: 0,
};

/** A datagram of version 5 whose flows have the source addresses 10.0.0.0 + `first`, and the next ones. */
export function v5Datagram(first: number, flows: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(24 + 48 * flows));
  view.setUint16(0, 5);
  view.setUint16(2, flows);
  view.setUint32(8, 1_700_000_000);
  for (let i = 0; i < flows; i++) {
    const at = 24 + 48 * i;
    view.setUint32(at, 0x0a000000 + first + i);
    view.setUint32(at + 4, 0xc6336407);
    view.setUint16(at + 12, 3);
    view.setUint16(at + 14, 4);
    view.setUint32(at + 16, 10);
    view.setUint32(at + 20, 8400);
    view.setUint8(at + 38, 6);
  }
  return new Uint8Array(view.buffer);
}
