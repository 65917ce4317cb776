/** What the tests of the stream listeners share. */
import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import { openLibc } from "../linux/mod.ts";
import { type ListenAddress, parseListenAddress } from "./address.ts";
import { newMetricLine, Reason } from "./metric_line.ts";
import { parseLine } from "./metric_wire.ts";
import { At, FIRST_METRIC_REFUSAL, newStats, TOO_LONG } from "./stats.ts";
import { ConnectionLimit } from "./stream_limit.ts";
import type { LineStreamDeps, LineStreamSettings } from "./stream_listener.ts";

/** A test that fails when it leaves a timer, an operation or a resource behind. */
export function leakFreeTest(name: string, fn: () => Promise<void>, ignore = false): void {
  if (Deno.build.os === "linux") openLibc(); // opened once and kept: the first test must not be blamed for it
  Deno.test({ name, ignore, sanitizeOps: true, sanitizeResources: true, fn });
}

/** An address that is known to be well-formed. */
export function at(text: string): ListenAddress {
  const address = parseListenAddress(text);
  assert.ok(address, text);
  return address;
}

/** Counts like the heart, and keeps the metrics' lines. */
export function recordingHeart() {
  const lines: string[] = [];
  const stats = newStats();
  const line = newMetricLine();
  const decoder = new TextDecoder();
  return {
    lines,
    stats,
    setTime: () => {},
    tooLong: () => {
      stats[At.lines]!++;
      stats[TOO_LONG]!++;
    },
    ingestLine(b: Uint8Array, start: number, end: number): boolean {
      stats[At.lines]!++;
      if (end > start && b[end - 1] === 0x0d) end--;
      if (end === start) {
        stats[At.empty]!++;
        return true;
      }
      const reason = parseLine(b, start, end, line);
      stats[reason === Reason.ok ? At.metrics : FIRST_METRIC_REFUSAL + reason]!++;
      if (reason === Reason.ok) lines.push(decoder.decode(b.subarray(start, end)));
      return reason === Reason.ok;
    },
  };
}

/** A fresh directory that goes when the tests of its file are over. */
export function newDirectory(): string {
  const directory = Deno.makeTempDirSync();
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  return directory;
}

/** Settings and dependencies of a listener under test; its clock stands still. */
export function rig(maxConnections = 10_000) {
  const heart = recordingHeart();
  const clock = new FakeClock();
  const log: string[] = [];
  const say = (level: string, message: string) => void log.push(`${level}: ${message}`);
  const limit = new ConnectionLimit(maxConnections, say);
  const settings: LineStreamSettings = {
    idleTimeoutMs: 600_000,
    metricMaxLength: 64,
    tls: { mode: "unencrypted", key: "", cert: "", ca: [] },
  };
  const deps = { heart, clock, limit, log: say } satisfies LineStreamDeps;
  return { heart, clock, limit, log, settings, deps };
}

/** A client's connection to a listener, without TLS. */
export function connect(address: ListenAddress): Promise<Deno.Conn> {
  return address.transport === "tcp"
    ? Deno.connect({ hostname: address.hostname.replace(/^$/, "127.0.0.1"), port: address.port })
    : Deno.connect({ transport: "unix", path: address.path.replace(/^@/, "\0") });
}

/** Sends all of `text`. */
export async function send(client: Deno.Conn, text: string | Uint8Array): Promise<void> {
  let bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  while (bytes.length > 0) bytes = bytes.subarray(await client.write(bytes));
}

/** Resolves when the listener has closed the connection, whether or not there were bytes it had not read. */
export async function closedByPeer(client: Deno.Conn): Promise<void> {
  const answer = await client.read(new Uint8Array(16)).catch((error) => {
    if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return null;
    throw error;
  });
  assert.equal(answer, null, "a listener never sends");
  client.close();
}
