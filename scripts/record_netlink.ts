/**
 * Records what the kernel tells of TCP sockets, as fixtures of `testdata/inet-diag`, and writes the messages that are built by
 * hand beside them.
 *
 * ```text
 * deno run -A scripts/record_netlink.ts [TEXT]      the cases whose names have TEXT in them
 * ```
 *
 * It needs root, unshare(1) and ip(8): it moves into a network namespace of its own, so that nothing but its own sockets is
 * recorded. Each recorded tcp_info is held against what getsockopt(TCP_INFO) says of the same socket. New goldens are
 * written by `deno task golden`; the diff is read before it is committed.
 *
 * @module
 */
import { DestroyListener, type DiagFamily, encodeDumpRequest, NetlinkType } from "../src/linux/mod.ts";
import { builtCases } from "./record_netlink/built.ts";
import { pair } from "./record_netlink/connections.ts";
import { FakePeer, OWN, PEER } from "./record_netlink/fake_peer.ts";
import { ask, dumpOf, joined, lookUp, type Message, messagesOf } from "./record_netlink/kernel.ts";
import { type Scene, SCENES, type Shown } from "./record_netlink/scenes.ts";
import { Attribute, Refusal, SocketMessage } from "../src/tcpinfo/mod.ts";
import {
  closeAll,
  closeSocket,
  cookieOf,
  getOption,
  openTcpSockets,
  pause,
  setOption,
} from "./record_netlink/system.ts";

const FOLDER = new URL("../testdata/inet-diag/", import.meta.url).pathname;
const INSIDE = "--inside";
const release = (await Deno.readTextFile("/proc/sys/kernel/osrelease")).trim();
const kernel = release.split("-")[0] ?? release;

/** Writes a case, with an empty golden unless it has one. */
async function write(name: string, suffix: string, input: Uint8Array | string, why: string, source: string, set = {}) {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  await Deno.writeFile(`${FOLDER}${name}${suffix}`, bytes);
  const options = Object.keys(set).length === 0 ? {} : { options: { set } };
  const golden = { why, source, ...options, expect: { decode: [] } };
  await Deno.writeTextFile(`${FOLDER}${name}.json`, JSON.stringify(golden));
  console.log(`${name}: ${bytes.length} bytes`);
}

function record(name: string, messages: readonly Message[], why: string): Promise<void> {
  const source = `Recorded on Linux ${kernel} from sockets that the recorder made, scripts/record_netlink.ts.`;
  return write(name, ".bin", joined(messages), why, source, { kernel_release: release });
}

async function recordScene(scene: Scene, peer: FakePeer): Promise<void> {
  const shown = await scene.make(peer);
  const messages = await settled(scene, shown);
  for (const message of messages) compareInfo(scene, message);
  await record(scene.name, messages, scene.why);
  closeAll();
}

/** Parts of `struct tcp_info` that do not change while nothing happens: without times since, and time spent. */
const STEADY: readonly (readonly [number, number])[] = [[0, 44], [60, 168], [192, 280]];

/** Holds the tcp_info of a dump against what the socket's own descriptor tells, if it is still open. */
function compareInfo(scene: Scene, { type, bytes, cookie }: Message): void {
  const fd = type === NetlinkType.socket ? openTcpSockets().find((one) => cookieOf(one) === cookie) : undefined;
  const socket = new SocketMessage();
  if (fd === undefined || socket.load(bytes, 16, bytes.length) !== Refusal.none || !socket.has(Attribute.info)) return;
  const own = getOption(fd, 6, 11, 280); // TCP_INFO
  const at = socket.at(Attribute.info);
  for (const [from, to] of STEADY) {
    for (let i = from; i < to; i++) {
      if (own[i] !== bytes[at + i]) throw new Error(`Cannot record ${scene.name}: byte ${i} of its tcp_info differs`);
    }
  }
  compared++;
}

let compared = 0;

/** The scene's sockets once they are in the states that the scene waits for, and the end of the dump. */
async function settled(scene: Scene, shown: Shown): Promise<Message[]> {
  for (let tries = 0; tries < 200; tries++) {
    const dump = dumpOf(scene.family, scene.states ?? 0xf37, scene.extensions ?? 0xff);
    const own = [
      ...shown.cookies.flatMap((cookie) => dump.filter((message) => message.cookie === cookie)),
      ...(shown.ports ?? []).flatMap((port) => dump.filter(({ localPort }) => localPort === port)),
    ];
    const states = own.map(({ state }) => state);
    const isThere = own.length >= Math.max(1, shown.cookies.length);
    const isSettled = scene.until === undefined || scene.until.every((state) => states.includes(state));
    if (isThere && isSettled) return [...own, ...dump.filter(({ type }) => type === NetlinkType.done)];
    await pause(10);
  }
  throw new Error(`Cannot record ${scene.name}: its sockets do not show up`);
}

/** Answers that are no dumps of sockets. */
async function recordAnswers(wanted: (name: string) => boolean): Promise<void> {
  const change = (edit: (bytes: Uint8Array) => void, family: DiagFamily = 2) => {
    const request = encodeDumpRequest({ family });
    edit(request);
    return messagesOf(ask(request));
  };
  const answers: [name: string, why: string, make: () => Promise<Message[]> | Message[]][] = [
    ["answer_unknown_family", "a family that is none: NLMSG_ERROR", () => change((bytes) => bytes[16] = 77)],
    ["answer_no_family", "family 0: NLMSG_ERROR with ENOENT", () => change((bytes) => bytes[16] = 0)],
    ["answer_unknown_protocol", "a protocol without a handler", () => change((bytes) => bytes[17] = 200)],
    ["answer_unknown_type", "a request of a type that is none", () => change((bytes) => bytes[4] = 25)],
    ["answer_short_request", "a request without its sockid", () => change((bytes) => bytes[0] = 40)],
    ["answer_bad_filter", "a filter that jumps out of its program", () => {
      const filter = Uint8Array.fromHex("0b08640000000500");
      return messagesOf(ask(encodeDumpRequest({ family: 2, filter })));
    }],
    ["answer_nothing", "no socket has the state asked for: the end alone", () => dumpOf(2, 1 << 0, 0xff)],
    ["lookup_found", "one socket was asked for: a message that is not one of several", async () => {
      const { client } = await pair();
      return lookUp(2, messageOf(2, cookieOf(client)));
    }],
    ["lookup_found_v6", "the same of AF_INET6", async () => {
      const { server } = await pair({ host: "::1" });
      return lookUp(10, messageOf(10, cookieOf(server)));
    }],
    ["lookup_mini", "the mini-socket of a connection that its owner closed", async () => {
      const { client } = await pair();
      const message = messageOf(2, cookieOf(client));
      closeSocket(client);
      await pause(50);
      return lookUp(2, message);
    }],
    ["lookup_gone", "the cookie is another one: NLMSG_ERROR with ENOENT", async () => {
      const { client } = await pair();
      return lookUp(2, messageOf(2, cookieOf(client)), true);
    }],
  ];
  for (const [name, why, make] of answers) {
    if (wanted(name)) await record(name, await make(), why);
    closeAll();
  }
}

function messageOf(family: DiagFamily, cookie: bigint): Message {
  const found = dumpOf(family, 0xfff, 0xff).find((message) => message.cookie === cookie);
  if (found === undefined) throw new Error("Cannot record: the socket is in no dump");
  return found;
}

/** Notifications of destroyed sockets. */
async function recordDestroyed(wanted: (name: string) => boolean): Promise<void> {
  const RESET = Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0]); // struct linger: on, no time
  const cases: [name: string, why: string, host: string, isReset: boolean][] = [
    ["destroyed_v4", "both ends of a connection were freed: final counters, state CLOSE", "127.0.0.1", false],
    ["destroyed_v6", "the same of AF_INET6", "::1", false],
    ["destroyed_reset", "an aborted connection: addresses and counters are gone already", "127.0.0.1", true],
  ];
  for (const [name, why, host, isReset] of cases) {
    if (!wanted(name)) continue;
    const { client, server } = await pair({ host });
    const cookies = [cookieOf(client), cookieOf(server)];
    using destroyed = new DestroyListener({ waitMs: 20 });
    if (isReset) setOption(client, 1, 13, RESET);
    closeSocket(client);
    closeSocket(server);
    const messages: Message[] = [];
    for (let tries = 0; tries < 100 && messages.length < 2; tries++) {
      const count = destroyed.wait();
      for (let i = 0; i < count; i++) {
        const bytes = destroyed.bytes.slice(destroyed.start(i) - 16, destroyed.end(i));
        messages.push(...messagesOf([bytes]).filter(({ cookie }) => cookies.includes(cookie)));
      }
      await pause(5);
    }
    await record(name, messages, why);
    closeAll();
  }
}

/** Runs a program. @returns what it printed */
async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`Cannot run ${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

async function recordInside(wanted: (name: string) => boolean): Promise<void> {
  await run("ip", "link", "set", "lo", "up");
  await run("ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1");
  await Deno.writeTextFile("/proc/sys/net/ipv6/conf/d1/disable_ipv6", "1");
  await run("ip", "addr", "add", `${OWN}/24`, "dev", "d0");
  await run("ip", "addr", "add", "fd09::1/64", "dev", "d0", "nodad");
  for (const link of ["d0", "d1"]) await run("ip", "link", "set", link, "up");
  await run("ip", "addr", "add", "fe80::9/64", "dev", "d0", "nodad");
  for (const one of ["all", "lo", "d0"]) await Deno.writeTextFile(`/proc/sys/net/ipv4/conf/${one}/rp_filter`, "0");
  for (const peer of [PEER, "fd09::2"]) {
    await run("ip", "neigh", "add", peer, "lladdr", "02:00:00:00:00:02", "dev", "d0", "nud", "permanent");
  }
  const index = Number((await run("ip", "-o", "link", "show", "d0")).split(":")[0]);
  for (const scene of SCENES) if (wanted(scene.name)) await recordScene(scene, new FakePeer(index));
  console.log(`${compared} tcp_infos are those of getsockopt(TCP_INFO)`);
  await recordAnswers(wanted);
  await recordDestroyed(wanted);
}

if (import.meta.main) {
  const [first = "", second = ""] = Deno.args;
  if (first === INSIDE) await recordInside((name) => name.includes(second));
  else {
    for (const { name, suffix, input, why, set } of builtCases()) {
      if (name.includes(first)) {
        await write(name, suffix, input, why, "Built by hand, scripts/record_netlink/built.ts.", set);
      }
    }
    const args = ["-n", Deno.execPath(), "run", "-A", import.meta.filename!, INSIDE, first];
    const { code } = await new Deno.Command("unshare", { args, stdin: "null" }).spawn().status;
    Deno.exit(code);
  }
}
