/// <reference lib="deno.worker" />
/**
 * A reader: one socket, one thread. It sits in `recvmmsg`, wraps what comes and hands it on; it never parses a datagram, and
 * never awaits. Where there is no room it waits, and the kernel's queue grows.
 */
import { copyInside } from "../../bytes/mod.ts";
import { BatchReceiver, SystemError } from "../../linux/mod.ts";
import { RawFlowEncoder } from "../raw_flow.ts";
import { ExporterTally } from "./exporter_tally.ts";
import { ParcelWriter } from "./parcel.ts";
import {
  Control,
  DATAGRAM_BYTES,
  type FromReader,
  type FromReaderPort,
  PARCEL_BYTES,
  postParcel,
  type ReaderStart,
  RECEIVE_DATAGRAMS,
} from "./threads.ts";

/**
 * So long a reader leaves the kernel alone that had few datagrams for it: to sleep and wake for each handful costs as much
 * as everything else together. Not where the kernel has little room: it must keep what comes meanwhile.
 */
const PAUSE_MS = 0.3;
const FEW_DATAGRAMS = RECEIVE_DATAGRAMS / 2;
/** The kernel keeps 900 datagrams of 1,400 octets in it: three million a second would fill it in a pause. */
const PAUSE_BUFFER_BYTES = 2 ** 20;
/**
 * From one parcel that is not full to the next: other readers get datagrams of the same exporters, whose order should not
 * change by more than that.
 */
const LINGER_MS = 5;
const REPORT_MS = 500;
/** A reader that is told to stop still takes what has arrived, but no longer than this. */
const DRAIN_MS = 10_000;
/** How long a reader waits for room before it looks whether it is to stop. */
const ROOM_MS = 20;
const ERROR_PAUSE_MS = 100;

self.onmessage = ({ data }: MessageEvent<ReaderStart>) => {
  new Reader(data).run();
  self.close();
};

function tell(message: FromReader): void {
  self.postMessage(message);
}

class Reader {
  readonly #start: ReaderStart;
  readonly #receiver: BatchReceiver;
  readonly #encoder: RawFlowEncoder;
  readonly #writer: ParcelWriter;
  readonly #tally: ExporterTally;
  readonly #source = new Uint32Array(4);
  readonly #sourceOctets = new Uint8Array(this.#source.buffer);
  #truncated = 0;
  #controlTruncated = 0;
  #errors = 0;
  #handedMs = 0;
  #reportedMs = 0;

  constructor(start: ReaderStart) {
    this.#start = start;
    this.#receiver = new BatchReceiver(start.fd, {
      datagrams: RECEIVE_DATAGRAMS,
      datagramBytes: DATAGRAM_BYTES,
      ancillary: true,
      buffer: start.pool.room,
    });
    const copy = copyInside(start.pool.memory);
    this.#encoder = new RawFlowEncoder(start.settings, (into, at, from, begin, length) => {
      copy(into.byteOffset + at, from.byteOffset + begin, length); // all of it lies in the pool's memory
    });
    this.#writer = new ParcelWriter(PARCEL_BYTES, DATAGRAM_BYTES, start.pool);
    this.#tally = new ExporterTally(start.maxExporters);
  }

  run(): void {
    const { control, port, receiveBufferBytes } = this.#start;
    const pauses = receiveBufferBytes >= PAUSE_BUFFER_BYTES;
    tell({ kind: "started" });
    while (Atomics.load(control, Control.stop) === 0) {
      const count = this.#take();
      const nowMs = performance.now();
      if (this.#writer.count > 0 && (count === 0 || nowMs - this.#handedMs >= LINGER_MS)) this.#hand();
      if (nowMs - this.#reportedMs >= REPORT_MS) this.#report(nowMs);
      this.#awaitRoom();
      if (pauses && count > 0 && count < FEW_DATAGRAMS) Atomics.wait(control, Control.stop, 0, PAUSE_MS);
    }
    for (const endMs = performance.now() + DRAIN_MS; this.#take() > 0 && performance.now() < endMs;);
    this.#hand();
    this.#report(performance.now());
    port.postMessage({ kind: "end" } satisfies FromReaderPort);
    tell({ kind: "stopped" });
  }

  /** While there is no room, nothing is received. */
  #awaitRoom(): void {
    const { control, queueSize } = this.#start;
    for (;;) {
      const queued = Atomics.load(control, Control.queued);
      if (queued < queueSize || Atomics.load(control, Control.stop) !== 0) return;
      this.#hand();
      Atomics.wait(control, Control.queued, queued, ROOM_MS);
      const nowMs = performance.now();
      if (nowMs - this.#reportedMs >= REPORT_MS) this.#report(nowMs);
    }
  }

  /** Wraps what one call brings; the number of datagrams. */
  #take(): number {
    const receiver = this.#receiver;
    let count: number;
    try {
      count = receiver.receive();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#errors++;
      tell({ kind: "receiveError", message: error.message });
      // An error that lasts must not become a hot loop.
      Atomics.wait(this.#start.control, Control.stop, 0, ERROR_PAUSE_MS);
      return 0;
    }
    if (count > 0) this.#wrap(count);
    return count;
  }

  #wrap(count: number): void {
    const writer = this.#writer, encoder = this.#encoder, receiver = this.#receiver;
    const { buffer } = receiver;
    const ancillary = receiver.ancillary!; // it was asked for
    const source = this.#source, sourceOctets = this.#sourceOctets;
    const nowS = Math.floor(Date.now() / 1000);
    for (let i = 0; i < count; i++) {
      const length = receiver.length(i);
      if (ancillary.isControlTruncated(i)) this.#controlTruncated++;
      if (length > DATAGRAM_BYTES || ancillary.isTruncated(i)) {
        this.#truncated++;
        continue;
      }
      if (!ancillary.copySource(i, sourceOctets, 0)) source.fill(0);
      this.#tally.count(source, length);
      const receivedMs = ancillary.receivedMs(i);
      const timeS = receivedMs > 0 ? Math.floor(receivedMs / 1000) : nowS; // NaN: the kernel does not say
      writer.add(encoder, timeS, buffer, receiver.offset(i), length, sourceOctets, 0);
      if (writer.isFull) this.#hand();
    }
  }

  #hand(): void {
    if (this.#writer.count === 0) return;
    const { control, port } = this.#start;
    const parcel = this.#writer.take();
    Atomics.add(control, Control.queued, parcel.count);
    postParcel(port, parcel);
    this.#handedMs = performance.now();
  }

  #report(nowMs: number): void {
    this.#reportedMs = nowMs;
    const exporters = this.#tally.take();
    const received = {
      exporters,
      truncated: this.#truncated,
      controlTruncated: this.#controlTruncated,
      errors: this.#errors,
    };
    if (exporters.length + received.truncated + received.controlTruncated + received.errors === 0) return;
    this.#truncated = this.#controlTruncated = this.#errors = 0;
    tell({ kind: "received", received });
  }
}
