import assert from "node:assert/strict";
import { newConnectionMeasure } from "./measure.ts";

function measured(remotes: Uint8Array[], rttUs = 3500): string[] {
  const said: string[] = [];
  const say = (kind: string) => (name: string, value: number | string, tags: readonly string[] = []) =>
    void said.push(`${kind} ${name} ${value} ${tags}`);
  const measure = newConnectionMeasure({
    count: say("count"),
    gauge: say("gauge"),
    timing: say("timing"),
    set: say("set"),
  });
  for (const remote of remotes) {
    measure({
      kind: "close",
      timeMs: 0,
      timestamp: "1970-01-01T00:00:00Z",
      uuid: "u",
      reason: "absent",
      summary: {
        remote,
        durationMs: 1500,
        sentBytes: 1000,
        receivedBytes: 200,
        retransmittedBytes: 100,
        retransmits: 2,
        rttUs,
        minRttUs: rttUs,
      },
    });
  }
  return said;
}

Deno.test("newConnectionMeasure() tells what a connection carried, by the remote network", () => {
  assert.deepEqual(measured([Uint8Array.of(198, 51, 100, 23)]), [
    "count tcpinfo.connections 1 remote_network:198.51.100.0/24",
    "count tcpinfo.bytes_sent 1000 remote_network:198.51.100.0/24",
    "count tcpinfo.bytes_received 200 remote_network:198.51.100.0/24",
    "count tcpinfo.bytes_retransmitted 100 remote_network:198.51.100.0/24",
    "count tcpinfo.retransmits 2 remote_network:198.51.100.0/24",
    "timing tcpinfo.rtt 3.5 remote_network:198.51.100.0/24",
    "timing tcpinfo.min_rtt 3.5 remote_network:198.51.100.0/24",
    "timing tcpinfo.duration 1500 remote_network:198.51.100.0/24",
  ]);
  const v6 = new Uint8Array(16).fill(1);
  assert.ok(measured([v6])[0]!.endsWith("remote_network:101:101:101::/48"));
});

Deno.test("newConnectionMeasure() tells no rtt of a connection that had none", () => {
  const said = measured([Uint8Array.of(198, 51, 100, 23)], NaN);
  assert.deepEqual(said.filter((one) => one.includes("rtt")), []);
});

Deno.test("newConnectionMeasure() gives a thousand networks a tag, the others one", () => {
  const remotes = Array.from({ length: 1100 }, (_, i) => Uint8Array.of(10, i >> 8, i & 255, 1));
  const tags = new Set(measured(remotes).map((one) => one.split(" ").at(-1)));
  assert.equal(tags.size, 1001);
  assert.ok(tags.has("remote_network:other"));
});
