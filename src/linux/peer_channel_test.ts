import assert from "node:assert/strict";
import { connectToPeer, listenForPeers, type PeerChannel } from "./peer_channel.ts";
import { linuxTest } from "./testing.ts";

function inFolder(body: (path: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const folder = await Deno.makeTempDir({ prefix: "limier_peer_" });
    try {
      await body(`${folder}/peer.sock`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
}

linuxTest(
  "two ends of a channel know each other, and exchange whole lines",
  inFolder((path) => {
    using listener = listenForPeers(path);
    assert.equal(listener.accept(), undefined);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    using young = connectToPeer(path)!;
    using old = listener.accept()!;
    for (const { peer } of [young, old]) assert.deepEqual([peer.pid, peer.uid], [Deno.pid, Deno.uid()]);
    assert.deepEqual(old.receive(), []);
    young.send("one");
    young.send(`two ${"é".repeat(5000)}`);
    old.send("three");
    assert.deepEqual(old.receive(), ["one", `two ${"é".repeat(5000)}`]);
    assert.deepEqual([young.receive(), young.receive()], [["three"], []]);
    assert.deepEqual([old.isOver, young.isOver], [false, false]);
  }),
);

linuxTest(
  "a channel gives what was sent before the peer left, and says that it has",
  inFolder((path) => {
    using listener = listenForPeers(path);
    const young = connectToPeer(path)!;
    using old = listener.accept()!;
    young.send("last");
    young.close();
    assert.deepEqual([old.receive(), old.isOver], [["last"], true]);
    assert.throws(() => old.send("nobody hears"), { errno: "EPIPE" });
    assert.deepEqual(young.receive(), []);
  }),
);

linuxTest(
  "a listener takes the place of another, and only the last removes the path",
  inFolder((path) => {
    assert.equal(connectToPeer(path), undefined);
    const first = listenForPeers(path);
    using before = connectToPeer(path)!;
    using kept = first.accept()!;
    const second = listenForPeers(path);
    using _new = connectToPeer(path)!;
    assert.equal(first.accept(), undefined);
    const accepted: PeerChannel = second.accept()!;
    accepted.close();
    first.close();
    kept.send("still here");
    assert.deepEqual(before.receive(), ["still here"]);
    assert.equal(Deno.lstatSync(path).isSocket, true);
    second.close();
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
    assert.equal(second.accept(), undefined);
  }),
);

linuxTest(
  "nobody listens at a path that a killed process left behind",
  inFolder(async (path) => {
    const source = `import { listenForPeers } from ${
      JSON.stringify(new URL("./peer_channel.ts", import.meta.url).href)
    };
      listenForPeers(${JSON.stringify(path)});
      Deno.kill(Deno.pid, "SIGKILL");`;
    await new Deno.Command(Deno.execPath(), { args: ["eval", source] }).output();
    assert.equal(Deno.lstatSync(path).isSocket, true);
    assert.equal(connectToPeer(path), undefined);
    using listener = listenForPeers(path);
    using _young = connectToPeer(path)!;
    assert.ok(listener.accept());
  }),
);

/** Another user's process, as small as can be: the runtime's files are root's alone in some containers. */
function hasPython(): boolean {
  try {
    return new Deno.Command("python3", { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false; // that is the answer
  }
}

Deno.test({
  name: "a process of another user is refused at both ends",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0 || !hasPython(),
  fn: inFolder(async (path) => {
    Deno.chmodSync(path.slice(0, path.lastIndexOf("/")), 0o777);
    const python = `
import os, socket, sys
path = sys.argv[1]
os.setuid(65534)
if sys.argv[2] == "listen":
  s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(); print("ready", flush=True); sys.stdin.read()
else:
  s = socket.socket(socket.AF_UNIX); s.connect(path); print("ready", flush=True); print(s.recv(10))
`;
    const run = (what: string, at: string) =>
      new Deno.Command("python3", {
        args: ["-c", python, at, what],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
    {
      await using foreign = run("listen", `${path}.foreign`);
      await foreign.stdout.getReader().read();
      assert.throws(() => connectToPeer(`${path}.foreign`), {
        name: "PeerRefused",
        code: "linux.peer_refused",
        message: `Cannot trust process ${foreign.pid} at ${path}.foreign: it belongs to user 65534, this process to ` +
          "user 0; run both as the same user, or choose another directory",
      });
    }
    {
      using listener = listenForPeers(path);
      Deno.chmodSync(path, 0o666); // it would not get in otherwise
      await using foreign = run("connect", path);
      const reader = foreign.stdout.getReader();
      let printed = "";
      const prints = async (line: string) => {
        while (!printed.includes(line)) {
          const { value, done } = await reader.read();
          assert.ok(!done, printed);
          printed += new TextDecoder().decode(value);
        }
      };
      await prints("ready\n");
      assert.throws(() => listener.accept(), { code: "linux.peer_refused" });
      await prints("b''\n"); // it was hung up on
    }
  }),
});
