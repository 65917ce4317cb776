/** What tests of forwarding share: the samples of hosts, and what local and global instances publish of them. */
import assert from "node:assert/strict";
import type { AgentProcess } from "../../scripts/bench/agent_process.ts";
import { until } from "../../src/testing/mod.ts";
import { printedObjects, sendUdp } from "./limier.ts";

const COMMON = "hostname: web1, interval: 1h, percentiles: [0.5, 0.9], aggregates: [max, min, count], num_readers: 2";

/** @param more keys of `statsd`, each with a comma before */
export function configOf(more = ""): string {
  return `
statsd: { udp_address: "127.0.0.1:0", ${COMMON}${more} }
http: { address: "127.0.0.1:0" }
`;
}

/** Sends lines, one a datagram, from one socket, and waits until the agent has taken them in; none must be dropped. */
export async function send(agent: AgentProcess, lines: readonly string[]): Promise<void> {
  const arrived = async () => {
    const metrics = await agent.metrics();
    assert.equal(metrics["limier_statsd_datagrams_dropped_total"], 0);
    return metrics["limier_statsd_datagrams_received_total"] ?? 0;
  };
  const before = await arrived();
  await sendUdp(agent.port("udp://"), lines);
  await until(async () => await arrived() >= before + lines.length, "all datagrams are taken in");
}

/** What an agent printed until it stopped, totals of rates and values of gauges, by name. */
export async function published(agent: AgentProcess): Promise<Record<string, number>> {
  const { code, stdout, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  const points = printedObjects(stdout) as { name: string; value: number; interval?: number }[];
  return Object.fromEntries(
    points.map(({ name, value, interval }) => [name, interval === undefined ? value : value * interval]),
  );
}

/** The samples of one of two hosts, 0 or 1: timings, members of a set, and what is local or global only. */
export function linesOf(host: number): string[] {
  const lines = [
    "jobs:3|c|#veneurglobalonly",
    "level:7|g|#veneurglobalonly",
    `here:${host}|g`,
    "mine:1|c",
    "own:x|s|#veneurlocalonly",
  ];
  for (let i = 0; i < 200; i++) {
    lines.push(`lat:${i * 2 + host}|ms`, `size:${i}|h|#veneurglobalonly`, `users:u${i * (host + 1)}|s`);
  }
  return lines;
}

/** What a local instance published of a host's samples: aggregates without percentiles, and what is the host's own. */
export function assertLocalOnly(local: Record<string, number>, host: number): void {
  assert.deepEqual([local["lat.count"], local["here"], local["mine"], local["own"]], [200, host, 1, 1]);
  for (const name of ["lat.50percentile", "users", "jobs", "level", "size.count"]) assert.ok(!(name in local), name);
}

/**
 * What a global instance published of both hosts' samples: what a single one did with the same, and nothing of what is local.
 *
 * @param digests how many a value went through, the merged one included
 */
export function assertLikeSingle(merged: Record<string, number>, all: Record<string, number>, digests: number): void {
  assert.deepEqual([merged["jobs"], merged["level"], merged["users"]], [6, 7, all["users"]]);
  assert.deepEqual([merged["size.count"], merged["size.min"], merged["size.max"]], [400, 0, 199]);
  for (const name of ["lat.max", "lat.count", "here", "mine", "own"]) assert.ok(!(name in merged), name);
  for (const name of ["lat.50percentile", "lat.90percentile", "size.50percentile"]) {
    // A digest errs by less than 0.5 % of the range in the middle, and so does each that is merged into another.
    assert.ok(
      Math.abs(merged[name]! - all[name]!) <= digests * 0.005 * 400,
      `${name}: ${merged[name]} and ${all[name]}`,
    );
  }
}
