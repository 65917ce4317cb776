import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type Batch, batchBytes, eventBytes, sliceBatch } from "../../metric/mod.ts";
import type { DeliveryError, DestinationClient, PublishResult } from "../contract.ts";
import { reasonOf, repeaterFailure, targetOf } from "./repeater_target.ts";

/** A datagram fits into one Ethernet frame, with room for tunnels. */
const MAX_DATAGRAM_BYTES = 1_432;

/** Datagrams, each of whole lines. That nobody listens is not told. */
export class UdpRepeater implements DestinationClient {
  readonly #host: string;
  #socket: Deno.DatagramConn | undefined;
  #to: Deno.NetAddr | undefined;
  /** How often it was closed. */
  #closes = 0;

  /** @param host `host:port` */
  constructor(host: string) {
    this.#host = host;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  async connect(): Promise<void> {
    const closes = this.#closes;
    const { hostname, port } = targetOf(this.#host);
    try {
      const { address, family } = isIP(hostname) === 0
        ? await lookup(hostname)
        : { address: hostname, family: isIP(hostname) };
      this.#to = { transport: "udp", hostname: address, port };
      this.#socket ??= Deno.listenDatagram({ transport: "udp", hostname: family === 6 ? "::" : "0.0.0.0", port: 0 });
    } catch (cause) {
      throw repeaterFailure("connection", this.#host, reasonOf(cause), cause);
    }
    if (this.#closes === closes) return;
    this.#hangUp();
    throw repeaterFailure("connection", this.#host, "it was closed while it was opened");
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    try {
      return await this.#send(batch, signal);
    } finally {
      this.#hangUp(); // the next publish asks for the name's address again
    }
  }

  close(): Promise<void> {
    this.#closes++;
    this.#hangUp();
    return Promise.resolve();
  }

  async #send(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    const tooLong: number[] = [];
    let from = 0;
    for (const [start, end] of datagramRanges(batch, tooLong)) {
      const [socket, to] = [this.#socket, this.#to];
      if (socket === undefined || to === undefined || signal.aborted) {
        return rest(batch, from, repeaterFailure("connection", this.#host, "there was no time left"), tooLong);
      }
      try {
        await socket.send(batchBytes(sliceBatch(batch, start, end), "", "\n", "\n"), to);
      } catch (cause) {
        return rest(batch, from, repeaterFailure("connection", this.#host, reasonOf(cause), cause), tooLong);
      }
      from = end;
    }
    return { remaining: null, ...rejection(tooLong.length) };
  }

  #hangUp(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** `[from, to)` of the lines of each datagram; a line that fits into none is put into `tooLong`. */
function* datagramRanges(batch: Batch, tooLong: number[]): Generator<[from: number, to: number]> {
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < batch.ends.length; i++) {
    const line = eventBytes(batch, i).length + 1;
    if (line > MAX_DATAGRAM_BYTES || bytes + line > MAX_DATAGRAM_BYTES) {
      if (i > from) yield [from, i];
      [from, bytes] = [i, 0];
    }
    if (line > MAX_DATAGRAM_BYTES) {
      tooLong.push(i);
      from = i + 1;
    } else bytes += line;
  }
  if (batch.ends.length > from) yield [from, batch.ends.length];
}

/** What is left from line `from` on; lines before it were sent, or were too long. */
function rest(batch: Batch, from: number, error: DeliveryError, tooLong: readonly number[]): PublishResult {
  const lost = tooLong.filter((index) => index < from).length;
  return { remaining: from === 0 ? batch : sliceBatch(batch, from, batch.ends.length), error, ...rejection(lost) };
}

function rejection(count: number): Pick<PublishResult, "rejected"> {
  return count === 0 ? {} : { rejected: [{ reason: "too_large", count }] };
}
