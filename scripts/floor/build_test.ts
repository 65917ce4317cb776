import assert from "node:assert/strict";
import { TextLineStream } from "@std/streams";
import { sendLoad } from "../load/datagrams.ts";
import { buildFloor } from "./build.ts";
import type { FloorResult } from "./recv_discard.ts";

const linux = Deno.build.os === "linux";
const discard = decodeURIComponent(new URL("./recv_discard.ts", import.meta.url).pathname);

Deno.test("buildFloor() gives null where there is no C compiler", async () => {
  const directory = toFileUrl(await Deno.makeTempDir());
  assert.equal(await buildFloor("recv_floor", "no-such-compiler", directory), null);
  assert.deepEqual([...Deno.readDirSync(directory)], []);
});

Deno.test("buildFloor() gives null where the compiler fails", async () => {
  assert.equal(await buildFloor("recv_floor", "false", toFileUrl(await Deno.makeTempDir())), null);
});

function toFileUrl(path: string): URL {
  return new URL(`file://${path}/`);
}

const floor = linux ? await buildFloor("recv_floor") : null;

for (const kind of ["recv_floor", "recv_discard.ts"]) {
  Deno.test({
    name: `${kind} counts what it received`,
    ignore: !linux || (kind === "recv_floor" && floor === null), // null: no C compiler, as has been printed
    async fn() {
      const [program, args] = kind === "recv_floor" && floor !== null
        ? [floor, [] as string[]]
        : [Deno.execPath(), ["run", "-A", "--no-check", discard]];
      const child = new Deno.Command(program, {
        args: [...args, "0", "--count", "200", "--seconds", "60", "--datagrams", "32", "--bytes", "1432"],
        stdout: "piped",
      }).spawn();
      const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
      const { listening } = JSON.parse((await lines.read()).value ?? "");
      const sent = sendLoad({
        to: `127.0.0.1:${listening}`,
        shape: "one",
        series: 10,
        senders: 2,
        nameBytes: 60,
        ratePerSecond: 0,
        datagrams: 200,
        seconds: 60,
      });
      const result: FloorResult = JSON.parse((await lines.read()).value ?? "");
      await lines.cancel();
      assert.ok((await child.status).success);
      assert.equal(result.datagrams, 200);
      assert.equal(result.bytes, sent.bytes);
      assert.equal(result.drops, 0);
      assert.ok(result.calls >= Math.ceil(200 / 32) && result.calls <= 200);
      assert.ok(result.cpuSeconds >= 0 && result.elapsedSeconds > 0);
    },
  });
}
