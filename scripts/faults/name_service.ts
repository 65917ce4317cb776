/** A name server that answers what it is told, as if a host had failed or moved. */

/** An address, or that there is no such name. */
export type Answer = string | "NXDOMAIN";

const HEAD_BYTES = 12;

/** Answers queries for IPv4 addresses over UDP. */
export class NameService implements AsyncDisposable {
  /** What becomes of a name. */
  answer: (name: string) => Answer = () => "NXDOMAIN";
  queries = 0;
  readonly #socket: Deno.DatagramConn;
  readonly #serving: Promise<void>;

  /** @throws where port 53 of that address can't be had */
  constructor(hostname: string) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 53 });
    this.#serving = this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    try {
      for await (const [query, from] of this.#socket) await this.#socket.send(this.#reply(query), from);
    } catch {
      // It was closed.
    }
  }

  /** RFC 1035 §4.1: the question comes back, and behind it one A record at most. */
  #reply(query: Uint8Array): Uint8Array {
    this.queries++;
    const labels: string[] = [];
    let at = HEAD_BYTES;
    for (let length; (length = query[at]!) > 0; at += length + 1) {
      labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
    }
    const type = query[at + 1]! << 8 | query[at + 2]!;
    const question = query.subarray(HEAD_BYTES, at + 5);
    const answer = this.answer(labels.join("."));
    const missing = answer === "NXDOMAIN";
    const record = missing || type !== 1
      ? []
      : [0xc0, HEAD_BYTES, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...answer.split(".").map(Number)];
    const head = [query[0]!, query[1]!, 0x81, missing ? 0x83 : 0x80, 0, 1, 0, record.length > 0 ? 1 : 0, 0, 0, 0, 0];
    return new Uint8Array([...head, ...question, ...record]);
  }
}
