/**
 * The process that {@linkcode killRounds} kills: it appends for two outputs as fast as the spool takes it, delivers one of
 * them, and writes a line for whatever it was promised: `S OUTPUT FIRST COUNT FROM TO` for a stored batch, `D TEXT` for an
 * event that it delivered.
 *
 * @module
 */
import { realClock } from "../../src/clock/mod.ts";
import { BatchBuilder, eventBytes } from "../../src/metric/mod.ts";
import { type FsyncPolicy, openSpool } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";

const [directory, fsync, round] = Deno.args as [string, FsyncPolicy, string];
const text = new TextEncoder();
const utf8 = new TextDecoder();
const spool = await openSpool(
  { directory, fsync, maxBytes: 64 * 2 ** 20, segmentBytes: 128 * 1024, minFreeBytes: 0 },
  { clock: realClock, reporter: recordingReporter() },
);
say("open\n");

/** At once, so that a line that was begun is in the pipe when the process ends. */
function say(lines: string): void {
  for (let bytes = text.encode(lines); bytes.length > 0;) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

async function append(output: string): Promise<void> {
  for (let next = 0;;) {
    const count = 1 + Math.floor(Math.random() * 200);
    const first = next;
    const builder = new BatchBuilder("points", Math.floor(Date.now() / 1000));
    for (; next < first + count; next++) {
      builder.appendText(`${output} ${round} ${next} ${"x".repeat(next % 120)}`);
      builder.endEvent();
    }
    const { stored, from, to } = await spool.append(output, builder.build());
    if (stored === count) say(`S ${output} ${first} ${count} ${from} ${to}\n`);
    await new Promise((resolve) => setTimeout(resolve, 0)); // the kill needs no help, the reader does
  }
}

async function deliver(output: string): Promise<void> {
  const reader = spool.reader(output);
  for (let batch; (batch = await reader.next()) !== null;) {
    const lines = Array.from(batch.batch.ends, (_, i) => {
      const [name, of, number] = utf8.decode(eventBytes(batch!.batch, i)).split(" ");
      return `D ${name} ${of} ${number}\n`;
    });
    say(lines.join(""));
    reader.finish(batch, "delivered");
  }
}

await Promise.all([append("kept"), append("delivered"), deliver("delivered")]);
