/** What tests of the decoders share. */
import { parseAddressWords } from "../address.ts";
import type { FlowBatch } from "../columns_batch.ts";
import { rowObject, type RowValue } from "../row_object.ts";
import type { Datagram } from "./datagram.ts";
import { NetflowDecoder } from "./netflow.ts";
import type { Outcome } from "./outcome.ts";
import { SflowDecoder } from "./sflow.ts";

/** Unix seconds at which all test datagrams are received unless they say otherwise. */
export const RECEIVED_S = 1_700_000_100;

/** A received datagram. */
export function datagram(payload: Uint8Array, more: Partial<Datagram> = {}): Datagram {
  return {
    payload,
    source: parseAddressWords("192.0.2.250")!,
    timeS: RECEIVED_S,
    timestampSource: "input",
    decapsulation: "none",
    useSourceAddress: false,
    ...more,
  };
}

/** The rows of a batch from `first` on, as people read them. */
export function shownRows(batch: FlowBatch, first = 0): Record<string, RowValue>[] {
  return Array.from({ length: batch.rows - first }, (_, i) => rowObject(batch, first + i));
}

/** Something that decodes. */
export interface Decoder {
  decode(datagram: Datagram, batch: FlowBatch): Outcome;
}

/** A decoder with nothing in its memory. */
export function newDecoder(protocol: string): Decoder {
  return protocol === "sflow" ? new SflowDecoder() : new NetflowDecoder();
}

/** One of the inputs under `testdata/`: its datagrams, and the settings it is decoded with. */
export interface FlowFixture {
  readonly protocol: "netflow" | "sflow";
  readonly name: string;
  readonly datagrams: readonly Uint8Array<ArrayBuffer>[];
  readonly settings: Partial<Datagram>;
}

/** The fixtures that are written as hex. */
export function hexFixtures(): FlowFixture[] {
  const fixtures: FlowFixture[] = [];
  for (const protocol of ["netflow", "sflow"] as const) {
    const folder = new URL(`../../../testdata/${protocol}/`, import.meta.url);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".hex")).sort();
    for (const file of names) {
      const { options } = JSON.parse(Deno.readTextFileSync(new URL(file.replace(".hex", ".json"), folder)));
      const lines = Deno.readTextFileSync(new URL(file, folder)).trimEnd().split("\n");
      fixtures.push({
        protocol,
        name: file.slice(0, -".hex".length),
        datagrams: lines.map((line) => Uint8Array.fromHex(line)),
        settings: {
          timestampSource: options.set?.timestamp_source ?? "input",
          decapsulation: options.set?.decapsulation_protocol ?? "none",
        },
      });
    }
  }
  return fixtures;
}
