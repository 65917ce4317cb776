/** The agent, in which an error that nobody catches is thrown when SIGWINCH comes: as the argument says, in which way. */
import { loadConfig, runProgram } from "../../src/agent/mod.ts";

const [how, , , file = ""] = Deno.args; // HOW run -f FILE
const loaded = loadConfig(await Deno.readTextFile(file), { file, env: {}, veneur: false, strict: false });

/** An error whose text and cause have in them what must not be told. */
function failure(): Error {
  const cause = new TypeError(`the cause knows ${loaded.config.secrets.join(" and ")}`);
  return new Error(`part broke with ${loaded.config.secrets.join(" and ")}`, { cause });
}

Deno.addSignalListener("SIGWINCH", () => {
  if (how === "throw") throw failure();
  if (how === "reject") {
    Promise.reject(failure());
    return;
  }
  // As a worker that fails does: an error event from another thread.
  const worker = new Worker(
    `data:application/javascript,${encodeURIComponent('throw new Error("part broke in a worker")')}`,
    { type: "module" },
  );
  worker.onmessage = () => {};
});

Deno.exit(await runProgram(loaded, { printSecrets: false }));
