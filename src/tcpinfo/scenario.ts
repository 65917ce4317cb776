/** `limier feed tcpinfo`: dumps and notifications on a scenario's own clock, and what the heart makes of them. */
import { fromHex } from "../bytes/mod.ts";
import { readTimedEvent } from "../clock/mod.ts";
import {
  errnoName,
  type LookupOutcome,
  MessageCursor,
  NetlinkFlag,
  NetlinkType,
  Step,
  WATCHED_STATES,
} from "../linux/mod.ts";
import { Anonymizer } from "./anonymize.ts";
import { Change, CHANGE_NAMES, type ChangeSink, type Closed, type Opened, rfc3339, type Snapshot } from "./changes.ts";
import type { TcpinfoConfig } from "./config.ts";
import { connectionUuid, Heart, type Lookup } from "./heart.ts";
import { recordObject } from "./record_object.ts";
import { Rotation } from "./rotation.ts";
import { At } from "./stats.ts";
import { defaultUuidPrefix, uuidPrefix, UuidPrefixError } from "./uuid_prefix.ts";
import { familyName } from "./wire_address.ts";
import { Exclusion } from "./wire_exclusion.ts";
import type { JsonObject, JsonValue } from "./wire_structures.ts";
import { Refusal, SocketMessage } from "./wire.ts";

/** What is wrong with a line of a scenario. */
class ScenarioFault extends Error {
  override readonly name = "ScenarioFault";
}

/** A member of an event. */
type Fields = Readonly<Record<string, unknown>>;

/** One socket of a dump. */
interface Sighting {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What a dump came to. */
interface ScenarioDump {
  readonly sockets: Sighting[];
  /** It was read to its end, and did not change meanwhile. */
  isComplete: boolean;
  failure: JsonObject | undefined;
}

const COOKIE_AT = 40;
const FAMILIES = ["AF_INET", "AF_INET6"];

/**
 * Plays events one by one on a clock that stands where the last event says.
 *
 * ```text
 * {"at","poll":[hex, …]}    the netlink messages of one poll, both address families or, with "family":"AF_INET6", of one;
 *                           beside it may stand "lookup":{"0011223344556677":"gone" or hex}, what the kernel answers
 *                           when it is asked about a connection that the poll lacks; without one it is not asked
 * {"at","destroyed":hex}    notifications that sockets were freed
 * {"at","own":[address, …]} this host's own addresses from now on, for anonymisation
 * {"at","do":"flush"}       shows what was counted so far
 * {"at","do":"stop"}        closes what is open
 * ```
 *
 * It shows what is announced (`open`, `close`), each file that begins (`rotate`) and each record as it would be written
 * (`snapshot`), whether or not an archive is configured. A poll whose end is not there counts as read to its end.
 */
export class TcpinfoScenario implements ChangeSink, Lookup {
  readonly #heart: Heart;
  readonly #anonymizer: Anonymizer;
  readonly #prefix: string;
  readonly #fileAgeLimitMs: number;
  readonly #rotations = new Map<number, { readonly rotation: Rotation; isOpen: boolean }>();
  readonly #taken = new Set<string>();
  readonly #message = new SocketMessage();
  #answers = new Map<string, "gone" | Sighting>();
  #nowMs = 0;
  #at = 0;
  #record = 0;
  #done: JsonObject[] = [];
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;

  constructor(config: TcpinfoConfig) {
    const { exclude } = config;
    this.#prefix = prefixOf(config);
    this.#fileAgeLimitMs = config.archive.fileAgeLimitMs;
    this.#anonymizer = new Anonymizer(config.anonymizeIp);
    const exclusion = new Exclusion({
      local: exclude.local,
      sourcePorts: exclude.srcports,
      destinations: exclude.dstips,
    });
    this.#heart = new Heart({
      uuidPrefix: this.#prefix,
      exclusion,
      states: WATCHED_STATES,
      maxConnections: config.maxConnections,
      missed: config.archive.missed,
      graceMs: 0,
    }, this);
  }

  /** Plays the event of one line. @returns what it brought about, and whether it was the last */
  play(line: string, record: number): { readonly objects: JsonObject[]; readonly isLast: boolean } {
    this.#done = [];
    this.#record = record;
    let isLast = false;
    try {
      const event = readTimedEvent(line);
      if (typeof event === "string") throw new ScenarioFault(event);
      this.#at = event.at;
      this.#nowMs = Math.round(event.at * 1000);
      isLast = event["do"] === "stop";
      this.#act(event);
    } catch (error) {
      if (!(error instanceof ScenarioFault)) throw error;
      this.#add({ kind: "error", code: "scenario", message: error.message, record });
    }
    return { objects: this.#done, isLast };
  }

  #act(fields: Fields): void {
    const { poll, destroyed, own } = fields;
    if (fields["do"] === "stop") this.#heart.stop(this.#nowMs);
    else if (fields["do"] === "flush") this.#add(this.#totals());
    else if (fields["do"] !== undefined) {
      throw new ScenarioFault(`Cannot do ${JSON.stringify(fields["do"])}: write "flush" or "stop"`);
    } else if (poll !== undefined) this.#poll(texts(poll, "poll"), fields);
    else if (destroyed !== undefined) this.#destroyed(destroyed);
    else if (own !== undefined) this.#anonymizer.setOwn(texts(own, "own"));
    else throw new ScenarioFault('Cannot read the event: it needs "poll", "destroyed", "own" or "do"');
  }

  #poll(messages: readonly string[], fields: Fields): void {
    const { family } = fields;
    if (family !== undefined && !FAMILIES.includes(String(family))) {
      throw new ScenarioFault(`Cannot poll ${JSON.stringify(family)}: write ${FAMILIES.join(" or ")}`);
    }
    this.#answers = this.#readAnswers(fields["lookup"]);
    const dump = readDump(messages.map((hex) => bytesOf(hex)));
    if (dump.failure !== undefined) this.#add({ ...dump.failure, record: this.#record });
    const heart = this.#heart, timeMs = this.#nowMs;
    heart.beginCycle();
    // Sockets of AF_INET are looked at first, as in every poll.
    const isInet = ({ bytes, start }: Sighting) => bytes[start] === 2;
    for (const socket of [...dump.sockets.filter(isInet), ...dump.sockets.filter((one) => !isInet(one))]) {
      const refusal = heart.observe(isInet(socket) ? 2 : 10, socket.bytes, socket.start, socket.end, timeMs, timeMs);
      if (refusal !== Refusal.none) this.#refuse(refusal);
    }
    const complete = {
      inet: dump.isComplete && family !== "AF_INET6",
      inet6: dump.isComplete && family !== "AF_INET",
    };
    heart.endCycle(complete, timeMs, timeMs, this);
  }

  #refuse(refusal: Exclude<ReturnType<Heart["observe"]>, 0>): void {
    const [code, message] = REFUSALS[refusal];
    this.#add({ kind: "error", code, message, record: this.#record });
  }

  #destroyed(hex: unknown): void {
    for (const text of typeof hex === "string" ? [hex] : texts(hex, "destroyed")) {
      const { sockets, failure } = readDump([bytesOf(text)]);
      if (failure !== undefined) this.#add({ ...failure, record: this.#record });
      for (const { bytes, start, end } of sockets) this.#heart.notified(bytes, start, end, this.#nowMs, this.#nowMs);
    }
  }

  #readAnswers(lookup: unknown): Map<string, "gone" | Sighting> {
    if (lookup === undefined) return new Map();
    if (typeof lookup !== "object" || lookup === null) throw new ScenarioFault('Cannot read "lookup": write an object');
    const answers = new Map<string, "gone" | Sighting>();
    for (const [cookie, answer] of Object.entries(lookup)) {
      const [socket] = typeof answer === "string" && answer !== "gone" ? readDump([bytesOf(answer)]).sockets : [];
      if (answer !== "gone" && socket === undefined) {
        throw new ScenarioFault(`Cannot read the answer for ${cookie}: write "gone" or a message`);
      }
      answers.set(cookie.toLowerCase(), socket ?? "gone");
    }
    return answers;
  }

  find(_family: number, id: Uint8Array, at: number): LookupOutcome {
    const answer = this.#answers.get(id.slice(at + COOKIE_AT, at + COOKIE_AT + 8).reverse().toHex());
    if (answer === undefined) return "failed";
    if (answer === "gone") return "gone";
    this.bytes = answer.bytes;
    this.start = answer.start;
    return "found";
  }

  opened({ timestamp, uuid, id }: Opened): void {
    this.#add({
      kind: "open",
      timestamp,
      uuid,
      cookie: id.cookie.toString(16).padStart(16, "0"),
      source: id.source,
      source_port: id.sourcePort,
      destination: id.destination,
      destination_port: id.destinationPort,
      interface: id.interfaceIndex,
    });
  }

  snapshot(snapshot: Snapshot): void {
    const { slot, timeMs, monotonicMs, cookieLow, cookieHigh, change } = snapshot;
    const uuid = connectionUuid(this.#prefix, cookieLow, cookieHigh);
    if (change === Change.first) {
      const rotation = new Rotation(uuid, timeMs, monotonicMs, this.#fileAgeLimitMs);
      this.#rotations.set(slot, { rotation, isOpen: false });
    }
    const message = this.#message;
    message.load(snapshot.bytes.slice(snapshot.start, snapshot.end), 0, snapshot.end - snapshot.start);
    if (!this.#anonymizer.apply(message)) {
      const why = `${familyName(message.family)} has no addresses that can be hidden`;
      this.#add({
        kind: "error",
        code: "unknown_family",
        message: `Cannot write a record: ${why}`,
        record: this.#record,
      });
      return;
    }
    this.#rotate(slot, timeMs, monotonicMs);
    const object = recordObject(message, rfc3339(timeMs), undefined);
    this.#add({ kind: "snapshot", uuid, change: CHANGE_NAMES[change]!, ...object });
  }

  #rotate(slot: number, timeMs: number, monotonicMs: number): void {
    const state = this.#rotations.get(slot)!; // set by the first record
    const { rotation } = state;
    if (state.isOpen && !rotation.isExpired(monotonicMs)) return;
    const { sequence, path } = rotation.next(timeMs, monotonicMs, (path) => this.#taken.has(path));
    state.isOpen = true;
    this.#taken.add(path);
    const directory = path.slice(0, path.lastIndexOf("/"));
    const startTime = rfc3339(rotation.startMs);
    this.#add({ kind: "rotate", uuid: rotation.uuid, sequence, directory, path, start_time: startTime });
  }

  closed({ timestamp, uuid, reason, summary }: Closed, slot: number): void {
    this.#rotations.delete(slot);
    const { sentBytes, receivedBytes } = summary;
    const cookie = uuid.slice(-16).toLowerCase();
    this.#add({ kind: "close", timestamp, uuid, cookie, reason, sent: sentBytes, received: receivedBytes });
  }

  #totals(): JsonObject {
    const { stats } = this.#heart;
    const sum = (...at: number[]) => at.reduce((sum, one) => sum + stats[one]!, 0);
    return {
      kind: "totals",
      sent: stats[At.sentBytes]!,
      received: stats[At.receivedBytes]!,
      opened: stats[At.opened]!,
      open: stats[At.open]!,
      closed: sum(At.closedAbsent, At.closedDestroyed, At.closedShutdown),
      messages: stats[At.messages]!,
      archived: stats[At.archived]!,
      unchanged: stats[At.unchanged]!,
      duplicate: stats[At.duplicates]!,
      excluded: sum(At.excludedSourcePort, At.excludedLocal, At.excludedDestination),
      rejected: sum(At.rejectedShort, At.rejectedAttribute, At.rejectedCookie, At.rejectedBound),
      missed: stats[At.missed]!,
      snapshots: stats[At.snapshots]!,
    };
  }

  #add(object: Readonly<Record<string, JsonValue>>): void {
    this.#done.push({ at: this.#at, ...object });
  }
}

const REFUSALS: Readonly<Record<Exclude<ReturnType<Heart["observe"]>, 0>, readonly [code: string, message: string]>> = {
  [Refusal.short]: ["malformed_message", "Cannot parse the inet_diag_msg: it is shorter than 72 bytes"],
  [Refusal.attribute]: ["malformed_attribute", "Cannot parse the attributes: a length cannot be"],
  cookie: ["zero_cookie", "Cannot follow a socket: its cookie is 0"],
  bound: ["max_connections", "Cannot follow a socket: there are max_connections already"],
};

/** The prefix as it is configured; that of this host where the file is not on it. */
function prefixOf({ archive }: TcpinfoConfig): string {
  try {
    return uuidPrefix(archive);
  } catch (error) {
    if (error instanceof UuidPrefixError) return defaultUuidPrefix(); // a scenario touches no files
    throw error;
  }
}

function texts(value: unknown, what: string): string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw new ScenarioFault(`Cannot read "${what}": write a list of texts`);
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === null) throw new ScenarioFault("Cannot read the event: its hex is not hex");
  return bytes;
}

/** The sockets of a dump's messages. One that failed has none. */
function readDump(datagrams: readonly Uint8Array[]): ScenarioDump {
  const dump: ScenarioDump = { sockets: [], isComplete: true, failure: undefined };
  const cursor = new MessageCursor();
  const fail = (code: string, message: string, errno?: number) => {
    dump.failure ??= { kind: "error", code, message, ...(errno !== undefined && { errno }) };
  };
  for (const bytes of datagrams) {
    cursor.load(bytes, 0, bytes.length);
    for (let step = cursor.next(); step !== Step.end; step = cursor.next()) {
      if (step === Step.malformed) {
        fail("malformed_message", "Cannot read the dump: the length of a message cannot be");
        break;
      }
      if ((cursor.flags & NetlinkFlag.dumpInterrupted) !== 0) dump.isComplete = false;
      if (cursor.type === NetlinkType.socket) dump.sockets.push({ bytes, start: cursor.payload, end: cursor.end });
      else if (cursor.type === NetlinkType.overrun) fail("overrun", "Cannot use the dump: the kernel lost messages");
      else if (cursor.type === NetlinkType.done || cursor.type === NetlinkType.error) {
        const status = cursor.status();
        const isDone = cursor.type === NetlinkType.done;
        if (status === undefined) fail("malformed_message", "Cannot tell how the dump ended: the status is missing");
        else if (status < 0) {
          const how = isDone ? "ends" : "refuses";
          const code = isDone ? "done_status" : "nlmsg_error";
          fail(code, `Cannot use the dump: the kernel ${how} it with ${errnoName(-status)}`, -status);
        }
      } else if (cursor.type !== NetlinkType.noop) {
        fail("wrong_type", `Cannot use the dump: it has a message of type ${cursor.type}`);
      }
    }
  }
  if (dump.failure !== undefined) {
    dump.sockets.length = 0;
    dump.isComplete = false;
  }
  return dump;
}
