import assert from "node:assert/strict";
import { TextLineStream } from "@std/streams/text-line-stream";

/** A program on a clock that goes on by `stepMs` each time it is looked at; it prints what signals ask of it. */
function startProgram(stepMs: number) {
  const source = `
    import { listenForSignals } from ${JSON.stringify(import.meta.resolve("./signals.ts"))};
    let nowMs = 0, reloads = 0;
    const clock = { monotonic: () => nowMs += ${stepMs} };
    const reloaded = listenForSignals({
      stop: (signal) => console.log("stop " + signal),
      async reload() {
        const number = ++reloads;
        console.log("reload " + number);
        while (hangups < 2) await new Promise((resolve) => setTimeout(resolve, 5));
        console.log("reloaded " + number);
        if (number === 2) throw new RangeError("it broke");
        reloaded().then(() => console.log("idle"));
      },
      crash: (error) => console.log("crash " + error.message),
    }, { clock, more: ["SIGQUIT"] });
    let hangups = 0;
    Deno.addSignalListener("SIGHUP", () => hangups++);
    console.log("ready");
    setTimeout(() => Deno.exit(9), 60_000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `data:application/typescript,${encodeURIComponent(source)}`],
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  return {
    child,
    line: async () => (await lines.read()).value,
    async [Symbol.asyncDispose]() {
      await lines.cancel();
      await child.status;
    },
  };
}

for (const signal of ["SIGTERM", "SIGINT", "SIGUSR2", "SIGQUIT"] as const) {
  Deno.test(`listenForSignals() stops by ${signal}, and ends at once by a second`, async () => {
    await using program = startProgram(1_000);
    assert.equal(await program.line(), "ready");
    program.child.kill(signal);
    assert.equal(await program.line(), `stop ${signal}`);
    program.child.kill("SIGTERM");
    assert.equal((await program.child.status).code, 1);
  });
}

Deno.test("listenForSignals() takes a signal that comes twice at once for one", async () => {
  await using program = startProgram(0);
  assert.equal(await program.line(), "ready");
  program.child.kill("SIGTERM");
  assert.equal(await program.line(), "stop SIGTERM");
  program.child.kill("SIGTERM");
  program.child.kill("SIGHUP"); // it goes on
  assert.equal(await program.line(), "reload 1");
  program.child.kill("SIGKILL");
});

Deno.test("listenForSignals() reloads one after the other, and passes on what one fails with", async () => {
  await using program = startProgram(0);
  assert.equal(await program.line(), "ready");
  program.child.kill("SIGHUP");
  assert.equal(await program.line(), "reload 1");
  program.child.kill("SIGHUP");
  const rest = [await program.line(), await program.line(), await program.line(), await program.line()];
  assert.deepEqual(rest, ["reloaded 1", "reload 2", "reloaded 2", "crash it broke"]);
  assert.equal(await program.line(), "idle");
  program.child.kill("SIGKILL");
});
