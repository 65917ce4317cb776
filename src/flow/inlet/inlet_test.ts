import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { openLibc } from "../../linux/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { formatAddress } from "../address.ts";
import { RawFlow } from "../raw_flow.ts";
import { readInletConfig } from "./config.ts";
import { type Inlet, type InletSink, startInlet } from "./inlet.ts";
import { forEachRawFlow, type Parcel } from "./parcel.ts";
import { ParcelPorts } from "./parcel_ports.ts";
import { testUnless } from "../../testing/mod.ts";

const hasFfi = (() => {
  try {
    openLibc();
    return true;
  } catch {
    return false; // that is what was asked
  }
})();

/** Keeps what comes. */
function keeping(take: (parcel: Parcel) => Promise<void> = () => Promise.resolve()) {
  const payloads: string[] = [];
  const raw = new RawFlow();
  const seen: { source: string; timeS: number; decoder: string }[] = [];
  const keep = (parcel: Parcel) => {
    forEachRawFlow(parcel, (start, end) => {
      assert.ok(raw.read(parcel.octets, start, end));
      payloads.push(new TextDecoder().decode(raw.payload));
      seen.push({ source: formatAddress(raw.source), timeS: raw.timeS, decoder: raw.decoder });
    });
    return take(parcel);
  };
  const ports = new ParcelPorts(keep);
  return {
    payloads,
    seen,
    ports,
    sink: {
      take: keep,
      connect: (...args: Parameters<ParcelPorts["connect"]>) => ports.connect(...args),
    },
  };
}

async function send(inlet: Inlet, texts: readonly string[]): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const port = Number(inlet.addresses[0]!.split(":").at(-1));
  const utf8 = new TextEncoder();
  for (const text of texts) await socket.send(utf8.encode(text), { transport: "udp", hostname: "127.0.0.1", port });
  socket.close();
}

const config = (more: object = {}) =>
  readInletConfig(Section.of({ listen: [{ address: "127.0.0.1:0", decoder: "sflow", ...more }] }));

for (const threads of [false, true]) {
  testUnless(
    threads && !hasFfi ? "there is no FFI" : undefined,
    `startInlet() hands on what has arrived before it ends, ${threads ? "in threads" : "on this thread"}`,
    async () => {
      const { payloads, seen, ports, sink } = keeping();
      const reporter = recordingReporter();
      const inlet = await startInlet(config({ workers: 2 }), {
        clock: realClock,
        reporter,
        sink,
        threads,
        queueSize: 1_000,
      });
      const texts = Array.from({ length: 100 }, (_, i) => `datagram ${i}`);
      const beforeS = Math.floor(Date.now() / 1000);
      await send(inlet, texts);
      await inlet[Symbol.asyncDispose]();
      await inlet[Symbol.asyncDispose]();
      await ports.ended();
      assert.deepEqual(payloads.toSorted(), texts.toSorted());
      assert.deepEqual(seen[0] && { source: seen[0].source, decoder: seen[0].decoder }, {
        source: "127.0.0.1",
        decoder: "sflow",
      });
      assert.ok(seen.every(({ timeS }) => timeS >= beforeS && timeS <= Date.now() / 1000));
      const packets = reporter.metrics.text().split("\n")
        .filter((line) => line.startsWith('limier_inlet_flow_input_udp_packets_total{exporter="127.0.0.1"'))
        .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
      assert.equal(packets, 100);
    },
  );
}

testUnless(
  hasFfi ? undefined : "there is no FFI",
  "startInlet() in threads waits for room, and loses nothing that the kernel has",
  async () => {
    const room = Promise.withResolvers<void>();
    const { payloads, ports, sink } = keeping(() => room.promise);
    const inlet = await startInlet(config(), {
      clock: realClock,
      reporter: recordingReporter(),
      sink,
      threads: true,
      queueSize: 1,
    });
    await send(inlet, ["first"]);
    while (payloads.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await send(inlet, ["second", "third"]);
    assert.deepEqual(payloads, ["first"]);
    room.resolve();
    while (payloads.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    await inlet[Symbol.asyncDispose]();
    await ports.ended();
    assert.deepEqual(payloads, ["first", "second", "third"]);
  },
);

function startFileInlet(file: { readonly paths: readonly string[]; readonly max_flows?: number }, sink: InletSink) {
  return startInlet(readInletConfig(Section.of({ listen: [{ type: "file", decoder: "netflow", ...file }] })), {
    clock: realClock,
    reporter: recordingReporter(),
    sink,
    threads: false,
    queueSize: 10,
  });
}

Deno.test("startInlet() reads files in turn, as many datagrams as wanted", async () => {
  const folder = await Deno.makeTempDir();
  const paths = ["a", "b"].map((name) => `${folder}/${name}`);
  for (const path of paths) await Deno.writeTextFile(path, path.slice(-1));
  const { payloads, sink } = keeping();
  const inlet = await startFileInlet({ paths, max_flows: 5 }, sink);
  while (payloads.length < 5) await new Promise((resolve) => setTimeout(resolve, 1));
  await inlet[Symbol.asyncDispose]();
  assert.deepEqual(payloads, ["a", "b", "a", "b", "a"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("startInlet() ends with an error when a file can't be read", async () => {
  const { sink } = keeping();
  const inlet = await startFileInlet({ paths: ["/nowhere/at/all"] }, sink);
  await assert.rejects(inlet.done, Deno.errors.NotFound);
  await inlet[Symbol.asyncDispose]();
});
