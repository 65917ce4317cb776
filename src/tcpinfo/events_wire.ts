/** Lines of the event socket: one JSON object an event, keys and number forms as the readers of M-Lab's tcp-info expect. */

/** The two ends of a connection, as its socket names them. */
export interface ConnectionId {
  /** The local end's. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The local address as text. */
  readonly source: string;
  readonly destination: string;
  /** The interface that the socket is bound to, 0 for none. */
  readonly interfaceIndex: number;
  /** The kernel's name of the socket, 64 bits without sign. */
  readonly cookie: bigint;
}

/** A connection was seen for the first time. */
export interface OpenEvent {
  readonly kind: "open";
  /** RFC 3339: time of the dump that it was first seen in. */
  readonly timestamp: string;
  readonly uuid: string;
  readonly id: ConnectionId;
}

/** A connection is gone. */
export interface CloseEvent {
  readonly kind: "close";
  /** RFC 3339: when that was concluded. */
  readonly timestamp: string;
  readonly uuid: string;
  /** `absent` from dumps, `destroyed` as the kernel said, or still open at the `shutdown` of the agent; readers take any. */
  readonly reason?: string;
}

/** What the event socket tells. */
export type TcpEvent = OpenEvent | CloseEvent;

/** Numbers of `Event`. */
const EventNumber = { open: 0, close: 1 } as const;

/**
 * The line of an event, with its line feed. The cookie is written as a signed number of 64 bits, exactly: that is what
 * readers parse.
 */
export function encodeEvent(event: TcpEvent): string {
  const head = `{"Event":${EventNumber[event.kind]},"Timestamp":${JSON.stringify(event.timestamp)},` +
    `"UUID":${JSON.stringify(event.uuid)},"ID":`;
  if (event.kind === "open") return `${head}${encodeId(event.id)}}\n`;
  return event.reason === undefined ? `${head}null}\n` : `${head}null,"Reason":${JSON.stringify(event.reason)}}\n`;
}

function encodeId(id: ConnectionId): string {
  return `{"SPort":${id.sourcePort},"DPort":${id.destinationPort},"SrcIP":${JSON.stringify(id.source)},` +
    `"DstIP":${JSON.stringify(id.destination)},"Interface":${id.interfaceIndex},"Cookie":${
      BigInt.asIntN(64, id.cookie)
    }}`;
}

/** An event of a number that is not known here. */
export interface UnknownEvent {
  readonly kind: "unknown";
  readonly number: number;
}

/** A line that is no event. */
export class EventLineError extends Error {
  override readonly name = "EventLineError";
  readonly code = "tcpinfo.event_line";
  constructor(readonly line: string, why: string) {
    super(`Cannot parse the event ${JSON.stringify(line.slice(0, 200))}: ${why}`);
  }
}

/** `JSON.parse` hands a reviver the source text of a number, which the library's types do not say yet. */
const parseJson = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

/**
 * Parses one line; keys beyond those known are ignored.
 *
 * @throws {EventLineError}
 */
export function parseEvent(line: string): TcpEvent | UnknownEvent {
  const event = record(line, parsed(line));
  const number = integer(line, event, "Event");
  if (number !== EventNumber.open && number !== EventNumber.close) return { kind: "unknown", number };
  const timestamp = text(line, event, "Timestamp"), uuid = text(line, event, "UUID");
  if (number === EventNumber.close) {
    const reason = event["Reason"];
    return { kind: "close", timestamp, uuid, ...(typeof reason === "string" && { reason }) };
  }
  const id = record(line, event["ID"]);
  const cookie = id["Cookie"];
  if (typeof cookie !== "bigint") throw new EventLineError(line, "its Cookie is no whole number");
  return {
    kind: "open",
    timestamp,
    uuid,
    id: {
      sourcePort: integer(line, id, "SPort"),
      destinationPort: integer(line, id, "DPort"),
      source: text(line, id, "SrcIP"),
      destination: text(line, id, "DstIP"),
      interfaceIndex: integer(line, id, "Interface"),
      cookie: BigInt.asUintN(64, cookie),
    },
  };
}

function parsed(line: string): unknown {
  try {
    return parseJson(line, (key, value, { source }) => {
      return key === "Cookie" && source !== undefined && /^-?\d{1,20}$/.test(source) ? BigInt(source) : value;
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new EventLineError(line, error.message);
  }
}

function record(line: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new EventLineError(line, "an object is missing");
  }
  return value as Record<string, unknown>;
}

function integer(line: string, from: Record<string, unknown>, key: string): number {
  const value = from[key];
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new EventLineError(line, `its ${key} is no whole number`);
  }
  return value;
}

function text(line: string, from: Record<string, unknown>, key: string): string {
  const value = from[key];
  if (typeof value !== "string") throw new EventLineError(line, `its ${key} is no text`);
  return value;
}
