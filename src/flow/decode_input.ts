/** What `limier decode` shows of NetFlow and sFlow: datagrams in, one object a flow, error or detail out. */
import { formatAddress } from "./address.ts";
import { FlowBatch } from "./columns_batch.ts";
import type { Datagram, Decapsulation, TimestampSource, Trace } from "./decode/datagram.ts";
import { NetflowDecoder } from "./decode/netflow.ts";
import type { Outcome } from "./decode/outcome.ts";
import { SflowDecoder } from "./decode/sflow.ts";
import { isCapture, readCapture } from "./pcap.ts";
import { exactU64, rowObject } from "./row_object.ts";

/** A value of JSON whose integers may be of any size. */
export type ShownValue = string | number | bigint | boolean | null | readonly ShownValue[] | ShownObject;
/** An object that is shown as one line. */
export interface ShownObject {
  readonly [key: string]: ShownValue;
}

/** How datagrams are decoded and shown. */
export interface ShowOptions {
  /** Unix seconds of receipt, 0 unknown; the packets of a capture have their own. */
  readonly timeS: number;
  /** Who sent the datagrams; in a capture their source addresses unless given. */
  readonly exporter?: Uint32Array;
  readonly timestampSource: TimestampSource;
  readonly decapsulation: Decapsulation;
  /** The exporter is the sender, whatever sFlow says of its agent. */
  readonly useSourceAddress: boolean;
  /** Sets of an unknown template wait for it. */
  readonly queueUnknownSets: boolean;
  /** Shows templates, options and what is skipped as well. */
  readonly verbose: boolean;
}

/** What the capture tells of a datagram. */
export interface PacketFacts {
  readonly source?: Uint32Array;
  /** Unix seconds, whole. */
  readonly timeS?: number;
  /** Its place in the input, from 1, which its errors tell. */
  readonly record?: number;
}

/** `::ffff:127.0.0.1`. */
const LOOPBACK = new Uint32Array(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1]).buffer);

/** Decodes datagrams of one protocol, with the state that belongs to them. */
export class FlowShower {
  readonly #protocol: "netflow" | "sflow";
  readonly #options: ShowOptions;
  readonly #batch = new FlowBatch();
  readonly #details: ShownObject[] = [];
  readonly #netflow: NetflowDecoder;
  readonly #sflow: SflowDecoder;

  constructor(protocol: "netflow" | "sflow", options: ShowOptions) {
    this.#protocol = protocol;
    this.#options = options;
    const trace: Trace = options.verbose ? this.#trace() : {};
    this.#netflow = new NetflowDecoder(undefined, {
      flowTimes: true,
      queueUnknownSets: options.queueUnknownSets,
      trace,
    });
    this.#sflow = new SflowDecoder(trace);
  }

  /** Shows a capture, or one datagram. @returns whether it could be read to its end */
  *input(bytes: Uint8Array): Generator<ShownObject, boolean> {
    if (!isCapture(bytes)) {
      yield* this.datagram(bytes);
      return true;
    }
    const packets = readCapture(bytes);
    let record = 0;
    for (let next = packets.next(); !next.done || next.value !== null; next = packets.next()) {
      record++;
      if (next.done) {
        const { at, message } = next.value!;
        yield { kind: "error", code: "capture", message, at, record };
        return false;
      }
      const { payload, source, timeS } = next.value;
      yield* this.datagram(payload, { source: new Uint32Array(source.buffer), timeS: Math.floor(timeS), record });
    }
    return true;
  }

  /** Shows one datagram. */
  *datagram(payload: Uint8Array, packet: PacketFacts = {}): Generator<ShownObject> {
    const { exporter, timestampSource, decapsulation, useSourceAddress } = this.#options;
    const { source = LOOPBACK, timeS = this.#options.timeS, record } = packet;
    const datagram: Datagram = {
      payload,
      source: exporter ?? source,
      timeS,
      timestampSource,
      decapsulation,
      useSourceAddress,
    };
    const batch = this.#batch;
    batch.reset();
    const outcome = this.#protocol === "netflow"
      ? this.#netflow.decode(datagram, batch)
      : this.#sflow.decode(datagram, batch);
    if (outcome.failure !== undefined) throw outcome.failure;
    yield* this.#details.splice(0);
    for (let row = 0; row < batch.rows; row++) yield this.#flow(outcome, row);
    for (const { code, at, message } of outcome.errors) {
      yield { kind: "error", code, message, at, ...(record !== undefined && { record }) };
    }
  }

  #flow({ version, domain, sequence }: Outcome, row: number): ShownObject {
    const batch = this.#batch;
    return {
      kind: "flow",
      exporter: formatAddress(batch.addresses.words, 4 * batch.exporterAddress[row]!),
      version,
      ...(this.#protocol === "netflow" && version !== 5 && { domain }),
      sequence,
      sampling_rate: exactU64(batch.samplingRate, row),
      ...rowObject(batch, row),
    };
  }

  #trace(): Required<Trace> {
    const details = this.#details;
    return {
      template: ({ id, domain, options, fields }) => details.push({ kind: "template", id, domain, options, fields }),
      options: (fields) => details.push({ kind: "options", fields }),
      skipped: (what, enterprise, format) => details.push({ kind: "skipped", what, format: `${enterprise}:${format}` }),
    };
  }
}
