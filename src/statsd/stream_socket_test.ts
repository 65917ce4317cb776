import assert from "node:assert/strict";
import { LockHeld } from "../linux/mod.ts";
import { until } from "../testing/mod.ts";
import { startStreamListener } from "./stream_listener.ts";
import { at, connect, leakFreeTest, newDirectory, rig, send } from "./stream_testing.ts";

const notLinux = Deno.build.os !== "linux";

function newPath(): string {
  return `${newDirectory()}/statsd.sock`;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

leakFreeTest("a unix stream lets every user in, holds PATH.lock, and leaves nothing behind", async () => {
  const path = newPath();
  const { settings, deps } = rig();
  const listener = await startStreamListener(at(`unix://${path}`), settings, deps);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o666);
  assert.ok(exists(`${path}.lock`));
  assert.deepEqual(listener.address, at(`unix://${path}`));
  await listener[Symbol.asyncDispose]();
  assert.deepEqual([exists(path), exists(`${path}.lock`)], [false, false]);
}, notLinux);

leakFreeTest("a unix stream is refused while another instance has the path", async () => {
  const path = newPath();
  const { heart, settings, deps } = rig();
  await using first = await startStreamListener(at(`unix://${path}`), settings, deps);
  await assert.rejects(startStreamListener(at(`unix://${path}`), settings, deps), LockHeld);
  const client = await connect(first.address);
  await send(client, "a:1|c\n");
  await until(() => heart.lines.length === 1, "the first goes on");
  client.close();
}, notLinux);

leakFreeTest("a unix stream takes the place of a socket that a dead program left", async () => {
  const path = newPath();
  await leaveSocket(path);
  const { heart, settings, deps } = rig();
  await using listener = await startStreamListener(at(`unix://${path}`), settings, deps);
  const client = await connect(listener.address);
  await send(client, "a:1|c\n");
  await until(() => heart.lines.length === 1, "the line is there");
  client.close();
}, notLinux);

leakFreeTest("a unix stream does not take the place of a living socket, or of a file", async () => {
  const path = newPath();
  const { settings, deps } = rig();
  using _living = Deno.listen({ transport: "unix", path });
  await assert.rejects(startStreamListener(at(`unix://${path}`), settings, deps), { errno: "EADDRINUSE" });
  assert.ok(exists(path));
  const file = newPath();
  Deno.writeTextFileSync(file, "precious");
  await assert.rejects(startStreamListener(at(`unix://${file}`), settings, deps), { errno: "EADDRINUSE" });
  assert.equal(Deno.readTextFileSync(file), "precious");
  await assert.rejects(startStreamListener(at("unix:///none/x.sock"), settings, deps), { errno: "ENOENT" });
}, notLinux);

leakFreeTest("a stream listens without FFI too", async () => {
  const source = `
    import { until } from ${JSON.stringify(import.meta.resolve("../testing/mod.ts"))};
    import { at, connect, rig, send } from ${JSON.stringify(import.meta.resolve("./stream_testing.ts"))};
    import { startStreamListener } from ${JSON.stringify(import.meta.resolve("./stream_listener.ts"))};
    for (const text of ["tcp://127.0.0.1:0", "unix://" + Deno.args[0]]) {
      const { heart, settings, deps } = rig();
      await using listener = await startStreamListener(at(text), settings, deps);
      const client = await connect(listener.address);
      await send(client, "a:1|c\\n");
      await until(() => heart.lines.length === 1, "the line is there");
      client.close();
      console.log(listener.address.port !== 0 || (Deno.statSync(Deno.args[0]).mode & 0o777).toString(8));
    }`;
  const path = newPath();
  const script = `${path}.ts`;
  Deno.writeTextFileSync(script, source);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net", "--allow-read", "--allow-write", "--allow-sys", script, path],
    cwd: new URL(".", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "true\n666\n", new TextDecoder().decode(stderr));
  assert.equal(exists(path), false);
});

/** A process that is killed leaves its socket. */
async function leaveSocket(path: string): Promise<void> {
  const source = `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} }); console.log("listening");`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", `${source} setInterval(() => {}, 1000);`],
    stdout: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  await output.read();
  child.kill("SIGKILL");
  await child.status;
  await output.cancel();
  assert.ok(exists(path));
}
