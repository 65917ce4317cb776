import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import { Section } from "../config/mod.ts";
import { connectToPeer, listenForPeers, type PeerChannel, type ReuseportGroup } from "../linux/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { readTakeoverConfig, Takeover } from "./takeover.ts";
import { awaitMessage, parseMessage, sendMessage, type TakeoverMessage } from "./takeover_messages.ts";

Deno.test("readTakeoverConfig() is off unless told otherwise", () => {
  assert.deepEqual(readTakeoverConfig(Section.of({})), { enabled: false, directory: "/run/limier" });
  assert.deepEqual(readTakeoverConfig(Section.of({ enabled: true, directory: "/tmp/x" })), {
    enabled: true,
    directory: "/tmp/x",
  });
  assert.throws(() => readTakeoverConfig(Section.of({ enable: true })), /enabled/);
});

const group = { sockets: 2, port: 8125, balancing: "ebpf" } as const;
const messages: TakeoverMessage[] = [
  { step: "hello", version: 1 },
  { step: "offer", groups: { a: group, b: { ...group, balancing: "hash" } }, httpPort: 8127 },
  { step: "offer", groups: {}, httpPort: null },
  { step: "refused", why: "no" },
  { step: "switched" },
  { step: "closed" },
  { step: "serving" },
];
for (const message of messages) {
  Deno.test(`parseMessage() reads ${JSON.stringify(message)}`, () => {
    assert.deepEqual(parseMessage(JSON.stringify(message)), message);
  });
}

const refused: unknown[] = [
  null,
  1,
  "hello",
  {},
  { step: "hullo" },
  { step: "hello" },
  { step: "hello", version: "1" },
  { step: "offer", groups: null },
  { step: "offer", groups: { a: null } },
  { step: "offer", groups: { a: { ...group, sockets: 0 } } },
  { step: "offer", groups: { a: { ...group, sockets: 257 } } },
  { step: "offer", groups: { a: { ...group, port: 65_536 } } },
  { step: "offer", groups: { a: { ...group, port: "8125" } } },
  { step: "offer", groups: { a: { ...group, balancing: "random" } } },
];
for (const value of refused) {
  Deno.test(`parseMessage() refuses ${JSON.stringify(value)}`, () => {
    assert.equal(parseMessage(JSON.stringify(value)), undefined);
  });
}
Deno.test("parseMessage() refuses what is no JSON", () => assert.equal(parseMessage("{"), undefined));

/** Both ends of a takeover in one process. */
class Stage implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "limier_takeover_" });
  readonly path = `${this.directory}/takeover.sock`;
  readonly reporter = recordingReporter();
  readonly takenOverBy = Promise.withResolvers<number>();
  readonly #open = new DisposableStack();

  async takeover(): Promise<Takeover> {
    return this.#open.use(
      await Takeover.open({ enabled: true, directory: this.directory }, {
        clock: realClock,
        reporter: this.reporter,
        onTakenOver: this.takenOverBy.resolve,
      }),
    );
  }

  group(takeover: Takeover): ReuseportGroup {
    return this.#open.use(
      takeover.groups.open("a", { address: { hostname: "127.0.0.1", port: 0 }, sockets: 2, receiveTimeoutMs: 20 }),
    );
  }

  connect(): PeerChannel {
    return this.#open.use(connectToPeer(this.path)!);
  }

  async [Symbol.asyncDispose]() {
    this.#open.dispose();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function linuxTest(name: string, body: (stage: Stage) => Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using stage = new Stage();
      await body(stage);
    },
  });
}

linuxTest("a Takeover goes through all of its steps", async (stage) => {
  const old = await stage.takeover();
  assert.equal(old.hasPredecessor, false);
  const before = stage.group(old);
  await old.switchOver(); // nothing to switch
  old.httpPort = 8127;
  old.serve();

  const young = await stage.takeover();
  assert.equal(young.hasPredecessor, true);
  const after = stage.group(young);
  assert.equal(after.address.port, before.address.port);
  const switching = young.switchOver();
  assert.equal(await stage.takenOverBy.promise, Deno.pid);
  assert.equal(old.isTakenOver, true);
  before.close();
  const closing = old.closed();
  await switching;
  young.serve();
  await closing;
  const leaving = young.predecessorLeft();
  old[Symbol.dispose]();
  await leaving;

  const third = await stage.takeover(); // the path is the second's by now
  assert.equal(third.hasPredecessor, true);
});

linuxTest("a Takeover hands over to one at a time, and to the next when that one has gone", async (stage) => {
  const old = await stage.takeover();
  stage.group(old);
  old.serve();
  const first = await stage.takeover();
  await assert.rejects(stage.takeover(), {
    name: "TakeoverError",
    message: `Cannot take over from process ${Deno.pid}: it hands over to process ${Deno.pid} already`,
  });
  first[Symbol.dispose]();
  const hasGone = () => stage.reporter.lines.some(({ message }) => /^A successor went before/.test(message));
  while (!hasGone()) await realClock.sleep(5);
  const second = await stage.takeover();
  assert.equal(second.hasPredecessor, true);
  assert.equal(old.isTakenOver, false);
});

linuxTest("a Takeover refuses a successor that speaks another version", async (stage) => {
  const old = await stage.takeover();
  old.serve();
  const channel = stage.connect();
  channel.send("what is this?");
  sendMessage(channel, { step: "hello", version: 99 });
  assert.deepEqual(await awaitMessage(channel, ["offer", "refused"], 60_000, realClock), {
    step: "refused",
    why: "it speaks version 1 of the takeover, not 99; stop it first",
  });
});

linuxTest("a Takeover does not wait for a successor that has gone", async (stage) => {
  const old = await stage.takeover();
  old.serve();
  const channel = stage.connect();
  sendMessage(channel, { step: "switched" });
  await stage.takenOverBy.promise;
  channel.close();
  await old.closed();
});

linuxTest("a Takeover fails when the process that listens does not answer", async (stage) => {
  const listener = listenForPeers(stage.path);
  const opening = assert.rejects(stage.takeover(), { name: "TakeoverError" });
  let accepted: PeerChannel | undefined;
  while ((accepted = listener.accept()) === undefined) await realClock.sleep(5);
  accepted.close();
  await opening;
  listener.close();
});
