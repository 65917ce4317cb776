/** What flows amount to by exporter and interface, for the agent's own aggregation. */
import type { Meter } from "../../metric/mod.ts";
import { type FlowBatch, readU64 } from "../columns_batch.ts";

/** What went through one interface of an exporter in one direction, sampling undone. */
export interface FlowRate {
  readonly exporter: string;
  readonly interface: string;
  readonly direction: "in" | "out";
  readonly flows: number;
  readonly packets: number;
  readonly bytes: number;
}

/** Interfaces of a batch that are told apart; exporters can make up any number of them. */
const MOST_INTERFACES = 10_000;

/** Adds the rows of a batch up. */
export function flowRates(batch: FlowBatch): FlowRate[] {
  const { texts, rows, exporterName, inIfName, outIfName } = batch;
  const sums = new Map<string, { -readonly [K in keyof FlowRate]: FlowRate[K] }>();
  const add = (row: number, name: number, direction: "in" | "out") => {
    if (name === 0) return; // it says nothing of that side
    let key = `${exporterName[row]} ${name} ${direction}`;
    let exporter = exporterName[row]!, shown = name;
    if (sums.size >= MOST_INTERFACES && !sums.has(key)) [key, exporter, shown] = [direction, 0, 0];
    let sum = sums.get(key);
    if (sum === undefined) {
      const named = (id: number) => id === 0 ? "other" : texts.text(id);
      const start = { exporter: named(exporter), interface: named(shown), direction };
      sums.set(key, sum = { ...start, flows: 0, packets: 0, bytes: 0 });
    }
    const rate = readU64(batch.samplingRate, row);
    sum.flows++;
    sum.packets += readU64(batch.packets, row) * rate;
    sum.bytes += readU64(batch.bytes, row) * rate;
  };
  for (let row = 0; row < rows; row++) {
    add(row, inIfName[row]!, "in");
    add(row, outIfName[row]!, "out");
  }
  return [...sums.values()];
}

/** Measures them: `limier.flow.bytes`, `limier.flow.packets` and `limier.flow.flows` by exporter, interface, direction. */
export function measureRates(meter: Meter, rates: readonly FlowRate[]): void {
  for (const { exporter, interface: name, direction, flows, packets, bytes } of rates) {
    const tags = [`exporter:${exporter}`, `interface:${name}`, `direction:${direction}`];
    meter.count("limier.flow.flows", flows, tags);
    meter.count("limier.flow.packets", packets, tags);
    meter.count("limier.flow.bytes", bytes, tags);
  }
}
