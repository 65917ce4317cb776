/**
 * Records new fixtures from programs that speak to Limier.
 *
 * ```text
 * deno run -A scripts/record.ts [TEXT]      the recordings whose names have TEXT in them, into testdata/dogstatsd
 * ```
 *
 * Real clients are installed from npm into a temporary folder and run as child processes that send to a recorder on
 * loopback. What the goldens expect is what the client was told to send, not what any decoder makes of it; the diff is
 * read before it is committed.
 *
 * @module
 */
import { toHex } from "../src/bytes/mod.ts";
import { installClients } from "./record_clients/install.ts";
import type { Plan } from "./record_clients/play.ts";
import { CLIENT_RECORDINGS } from "./record_clients/recordings.ts";
import { type ClientRecording, goldenText, scenarioText } from "./record_clients/recording.ts";
import { startRecorder } from "./record_clients/recorder.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const LF = 0x0a;

async function record(recording: ClientRecording, folder: string): Promise<void> {
  const { name, client, transport, options, calls, env = {} } = recording;
  const socketFolder = await Deno.makeTempDir({ prefix: "limier_record_" });
  try {
    const recorder = startRecorder(transport, socketFolder);
    const plan: Plan = { client, transport, address: recorder.address, options, calls };
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      // Nothing of this checkout's imports: the client and what it requires are those of the folder.
      args: [
        "run",
        "-A",
        "--no-lock",
        "--no-config",
        "--node-modules-dir=manual",
        "--unstable-net",
        PLAYER,
        folder,
        JSON.stringify(plan),
      ],
      cwd: folder,
      env: { ...env },
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`Cannot record ${name}: ${new TextDecoder().decode(stderr).trim()}`);
    const datagrams = await recorder.stop();
    const stem = `${ROOT}testdata/dogstatsd/${name}`;
    await Deno.writeFile(`${stem}.bin`, joined(datagrams));
    await Deno.writeTextFile(`${stem}.jsonl`, scenarioText(datagrams.map(toHex)));
    await Deno.writeTextFile(`${stem}.json`, goldenText(recording));
    console.log(`${name}: ${datagrams.length} datagrams`);
  } finally {
    await Deno.remove(socketFolder, { recursive: true });
  }
}

const PLAYER = new URL("record_clients/play.ts", import.meta.url).pathname;

/** Datagrams as the lines of one: joined by line feeds where they do not end in one. */
function joined(datagrams: readonly Uint8Array[]): Uint8Array {
  const bytes = datagrams.flatMap((datagram, i) => {
    const needsLf = i < datagrams.length - 1 && datagram.at(-1) !== LF;
    return needsLf ? [...datagram, LF] : [...datagram];
  });
  return Uint8Array.from(bytes);
}

if (import.meta.main) {
  const [text = ""] = Deno.args;
  await using clients = await installClients();
  for (const recording of CLIENT_RECORDINGS) {
    if (recording.name.includes(text)) await record(recording, clients.path);
  }
}
