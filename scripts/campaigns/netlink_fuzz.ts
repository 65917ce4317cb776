/** Whatever a netlink message says: it is decoded, or rejected with a reason. */
import { MessageCursor, NetlinkType, Step } from "../../src/linux/mod.ts";
import {
  type JsonObject,
  NetlinkDecoder,
  Refusal,
  SocketMessage,
  SocketValues,
  TcpInfoIndex,
} from "../../src/tcpinfo/mod.ts";
import { type Campaign, type Print, spaced, Verdict } from "./campaign.ts";
import { NetlinkMutator, netlinkSamples } from "./netlink_mutations.ts";

const MOST_BYTES = 4_096;
const DIAG_MESSAGE_BYTES = 72;
const KNOWN_TYPES: readonly number[] = Object.values(NetlinkType);
/** Reasons of `limier decode inet-diag`. */
const CODES = [
  "truncated",
  "malformed_message",
  "malformed_attribute",
  "wrong_type",
  "nlmsg_error",
  "done_status",
  "overrun",
];

interface NetlinkFuzzOptions {
  readonly [name: string]: number;
  readonly count: number;
  readonly seed: number;
}

export const netlinkFuzz: Campaign<NetlinkFuzzOptions> = {
  name: "netlink",
  summary: "mutated netlink messages: decoded or rejected with a reason, the same both ways",
  help: `campaign netlink [--count N] [--seed N]

Makes datagrams out of those of the fixtures, with bits, lengths and attributes changed, and reads each in two ways: as limier
decode shows it, and as a poll does, which allocates nothing. It holds if

  each message is an object of a known kind, an error with a known code, or one that says nothing (NLMSG_NOOP)
  a poll takes the sockets that decode shows, and refuses those that decode refuses
  no attribute reaches beyond its message
  nothing crashes or hangs

  --count N     messages; 1000000
  --seed N      what the mutants follow from; from the clock unless given`,
  defaults: { count: 1_000_000, seed: 0 },
  choices: {},
  async run(options, print) {
    const seed = options.seed || Date.now() % 2 ** 31;
    const samples = await netlinkSamples(new URL("../../testdata/inet-diag/", import.meta.url));
    print(`seed ${seed}, ${samples.length} datagrams to start from`);
    const verdict = new Verdict(print);
    fuzz(samples, seed, options.count, verdict, print);
    return verdict.holds;
  },
};

function fuzz(samples: readonly Uint8Array[], seed: number, count: number, verdict: Verdict, print: Print): void {
  const mutator = new NetlinkMutator(samples, seed, MOST_BYTES);
  const readers = new Readers();
  const startMs = performance.now();
  let datagrams = 0;
  for (let printedAt = 0; readers.messages < count; datagrams++) {
    const length = mutator.next();
    let difference: string | undefined;
    try {
      difference = readers.take(mutator.buffer.subarray(0, length));
    } catch (error) {
      difference = `it threw ${error}`;
    }
    if (difference !== undefined) {
      verdict.require(false, `datagram ${datagrams + 1}, ${mutator.buffer.subarray(0, length).toHex()}: ${difference}`);
      return;
    }
    if (readers.messages - printedAt >= 1_000_000) {
      printedAt = readers.messages;
      print(`${spaced(readers.messages)} messages, ${Math.round((performance.now() - startMs) / 1000)} s`);
    }
  }
  const kinds = [...readers.kinds].sort(([, a], [, b]) => b - a);
  print(`${spaced(readers.messages)} messages in ${spaced(datagrams)} datagrams:`);
  for (const [kind, times] of kinds) print(`  ${kind.padEnd(28)} ${spaced(times)}`);
  verdict.require(true, "every message was decoded, or rejected with a reason, the same both ways");
  const wanted = ["socket", "done", "ack", ...CODES];
  const unseen = wanted.filter((kind) => !readers.kinds.has(kind));
  verdict.require(
    count < 10_000 || unseen.length === 0,
    `every kind and every reason came${unseen.map((one) => `, but ${one}`)}`,
  );
}

/** The two ways to read, side by side. */
class Readers {
  /** Objects by kind, errors by code. */
  readonly kinds = new Map<string, number>();
  messages = 0;
  readonly #cursor = new MessageCursor();
  readonly #socket = new SocketMessage();
  readonly #values = new SocketValues("7.0");

  /** @returns what is wrong, if anything is */
  take(datagram: Uint8Array): string | undefined {
    const objects = [...new NetlinkDecoder().decode(datagram)];
    for (const object of objects) {
      const kind = kindOf(object);
      if (kind === undefined) return `an object that says nothing: ${show(object)}`;
      this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
      JSON.parse(show(object));
    }
    this.messages += Math.max(1, objects.length);
    return this.#poll(datagram, objects);
  }

  /** Reads the datagram as a poll does, and holds it against the objects. */
  #poll(datagram: Uint8Array, objects: readonly JsonObject[]): string | undefined {
    const cursor = this.#cursor, socket = this.#socket;
    cursor.load(datagram, 0, datagram.length);
    let at = 0;
    // A stream may lack padding and looks for the next message where a datagram does not: from there on they may differ.
    for (let isAligned = true; isAligned;) {
      if (cursor.next() !== Step.message || !KNOWN_TYPES.includes(cursor.type)) return undefined;
      isAligned = (cursor.end - cursor.start) % 4 === 0;
      if (cursor.type === NetlinkType.noop) continue;
      const object = objects[at++];
      if (object === undefined) return `message ${at} is no object`;
      if (cursor.type !== NetlinkType.socket) continue;
      const refusal = socket.load(datagram, cursor.payload, cursor.end);
      const isSocket = object["kind"] === "socket";
      if ((refusal === Refusal.none) !== isSocket) {
        return `message ${at} is refused with ${refusal}, and shown as ${show(object)}`;
      }
      const isShort = cursor.end - cursor.payload < DIAG_MESSAGE_BYTES;
      if ((refusal === Refusal.short) !== isShort) {
        return `message ${at} of ${cursor.end - cursor.payload} bytes: ${refusal}`;
      }
      for (let number = 0; number <= socket.highest; number++) {
        if (socket.has(number) && socket.at(number) + socket.length(number) > cursor.end) {
          return `attribute ${number} is too long`;
        }
      }
      if (!isSocket) continue;
      this.#values.read(socket);
      const attributes = object["attributes"] as JsonObject;
      const rtt = (attributes["INET_DIAG_INFO"] as JsonObject | undefined)?.["rtt"];
      if (!Object.is(this.#values.info[TcpInfoIndex.rtt], rtt ?? NaN)) return `message ${at}: rtt ${rtt} both ways`;
      if (object["source_port"] !== socket.sourcePort) return `message ${at}: source_port`;
    }
    return undefined;
  }
}

function kindOf(object: JsonObject): string | undefined {
  const { kind, code } = object;
  if (kind === "error") return CODES.includes(String(code)) && object["message"] !== "" ? String(code) : undefined;
  return kind === "socket" || kind === "done" || kind === "ack" ? kind : undefined;
}

function show(object: JsonObject): string {
  return JSON.stringify(object, (_key, value) => typeof value === "bigint" ? String(value) : value);
}
