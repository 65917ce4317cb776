/** What a process and its successor say to each other: a line of JSON each, in this order. */
import type { Clock } from "../clock/mod.ts";
import type { GroupOffer, PeerChannel } from "../linux/mod.ts";

/** Raised whenever what is said changes its meaning. */
export const TAKEOVER_VERSION = 1;

/** A line. */
export type TakeoverMessage =
  /** The successor: what is there to be had? */
  | { readonly step: "hello"; readonly version: number }
  /** The predecessor: this. */
  | {
    readonly step: "offer";
    readonly groups: Readonly<Record<string, GroupOffer>>;
    /** Of HTTP over TCP; null where it is not served so. */
    readonly httpPort: number | null;
  }
  /** The predecessor: nothing. */
  | { readonly step: "refused"; readonly why: string }
  /** The successor: datagrams come to it now; the predecessor may read out its sockets and close them. */
  | { readonly step: "switched" }
  /** The predecessor: its sockets are closed, and its listeners. */
  | { readonly step: "closed" }
  /** The successor: it answers over HTTP. */
  | { readonly step: "serving" };

/** The word that says which message it is. */
export type TakeoverStep = TakeoverMessage["step"];

/** How often the other's answer is looked for. */
const LOOK_MS = 10;

/** Sends a message. @throws {SystemError} when the other is gone */
export function sendMessage(channel: PeerChannel, message: TakeoverMessage): void {
  channel.send(JSON.stringify(message));
}

/** The messages that have come; a line that is none counts as nothing. */
export function receiveMessages(channel: PeerChannel): TakeoverMessage[] {
  return channel.receive().flatMap((line) => {
    const message = parseMessage(line);
    return message === undefined ? [] : [message];
  });
}

/** Waits for a message of one of these steps. @returns undefined when the other has gone, or `withinMs` is over */
export async function awaitMessage<S extends TakeoverStep>(
  channel: PeerChannel,
  steps: readonly S[],
  withinMs: number,
  clock: Clock,
): Promise<Extract<TakeoverMessage, { step: S }> | undefined> {
  const endMs = clock.monotonic() + withinMs;
  for (;;) {
    const found = receiveMessages(channel).find(({ step }) => steps.some((one) => one === step));
    if (found !== undefined) return found as Extract<TakeoverMessage, { step: S }>;
    if (channel.isOver || clock.monotonic() >= endMs) return undefined;
    await clock.sleep(LOOK_MS);
  }
}

/** Reads a line; undefined if it is no message. */
export function parseMessage(line: string): TakeoverMessage | undefined {
  let value: Record<string, unknown>;
  try {
    value = Object(JSON.parse(line));
  } catch {
    return undefined; // that it is none is the answer
  }
  switch (value.step) {
    case "hello":
      return typeof value.version === "number" ? { step: "hello", version: value.version } : undefined;
    case "offer":
      return parseOffer(value);
    case "refused":
      return { step: "refused", why: String(value.why) };
    case "switched":
    case "closed":
    case "serving":
      return { step: value.step };
    default:
      return undefined;
  }
}

function parseOffer({ groups, httpPort }: Record<string, unknown>): TakeoverMessage | undefined {
  if (typeof groups !== "object" || groups === null) return undefined;
  const offers: Record<string, GroupOffer> = {};
  for (const [name, group] of Object.entries(groups)) {
    const { sockets, port, balancing } = Object(group);
    const isKnown = balancing === "ebpf" || balancing === "cbpf" || balancing === "hash";
    if (!isKnown || !isBetween(sockets, 1, 256) || !isBetween(port, 1, 65_535)) return undefined;
    offers[name] = { sockets, port, balancing };
  }
  return { step: "offer", groups: offers, httpPort: isBetween(httpPort, 1, 65_535) ? httpPort : null };
}

function isBetween(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}
