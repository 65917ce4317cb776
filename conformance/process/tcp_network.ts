/** Network namespaces for tests of what the kernel tells of TCP: one where the agent watches, two where peers are. */
import { TextLineStream } from "@std/streams/text-line-stream";

/** The addresses of the watched namespace, by peer; both serve the same program. */
export const WATCHED = { b: "192.0.2.1", c: "192.0.2.129" } as const;
const PEERS = { b: "192.0.2.2", c: "192.0.2.130" } as const;
export type Peer = keyof typeof PEERS;

/** A program in one of the namespaces. */
export interface PeerProgram extends AsyncDisposable {
  /** Tells it a line. */
  tell(line: string): Promise<void>;
  /** The next line that it prints. */
  line(): Promise<string>;
  readonly status: Promise<Deno.CommandStatus>;
}

/** The three namespaces, joined by veth pairs. Disposing removes them. */
export interface TcpNetwork extends AsyncDisposable {
  /** What stands before a command that is to run in the watched namespace. */
  readonly enter: readonly string[];
  /** Runs the compiled `tcp_peer` where it is watched, or at a peer. */
  peer(where: Peer | "watched", ...args: (string | number)[]): PeerProgram;
  /** The numbers of an agent's page in the watched namespace. */
  metrics(url: string): Promise<Record<string, number>>;
}

/** Why such a network can't be made here; undefined where it can. */
export async function whyNoNetwork(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "this is not Linux";
  if (Deno.uid() !== 0) return "only root may make network namespaces";
  for (const program of ["ip", "cc", "curl"]) {
    const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" })
      .output();
    if (!success) return `there is no ${program}`;
  }
  const name = `limier_probe_${Deno.pid}`;
  const made = await new Deno.Command("ip", { args: ["netns", "add", name], stderr: "null" }).output();
  if (!made.success) return "network namespaces can't be made";
  await run("ip", "netns", "del", name);
  return undefined;
}

/** Makes it, and compiles the peers' program. */
export async function newTcpNetwork(): Promise<TcpNetwork> {
  const tag = `limier_${Deno.pid}_${crypto.randomUUID().slice(0, 4)}`;
  const names = { watched: `${tag}_a`, b: `${tag}_b`, c: `${tag}_c` };
  const folder = await Deno.makeTempDir({ prefix: "limier_peer_" });
  const program = `${folder}/tcp_peer`;
  const source = decodeURIComponent(new URL("./tcp_peer.c", import.meta.url).pathname);
  const programs: PeerProgram[] = [];
  async function remove(): Promise<void> {
    for (const one of programs) await one[Symbol.asyncDispose]();
    for (const name of Object.values(names)) {
      await new Deno.Command("ip", { args: ["netns", "del", name], stderr: "null" }).output();
    }
    await Deno.remove(folder, { recursive: true });
  }
  try {
    await run("cc", "-O2", "-o", program, source);
    for (const name of Object.values(names)) {
      await run("ip", "netns", "add", name);
      await run("ip", "-n", name, "link", "set", "lo", "up");
    }
    for (const peer of ["b", "c"] as const) {
      const { watched } = names;
      await run(
        "ip",
        "-n",
        watched,
        "link",
        "add",
        `to_${peer}`,
        "type",
        "veth",
        "peer",
        "name",
        "e0",
        "netns",
        names[peer],
      );
      await run("ip", "-n", watched, "addr", "add", `${WATCHED[peer]}/25`, "dev", `to_${peer}`);
      await run("ip", "-n", watched, "link", "set", `to_${peer}`, "up");
      await run("ip", "-n", names[peer], "addr", "add", `${PEERS[peer]}/25`, "dev", "e0");
      await run("ip", "-n", names[peer], "link", "set", "e0", "up");
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const enter = ["ip", "netns", "exec", names.watched];
  return {
    enter,
    peer(where, ...args) {
      const started = startPeer(["netns", "exec", names[where], program, ...args.map(String)]);
      programs.push(started);
      return started;
    },
    async metrics(url) {
      const text = await run(...enter as [string, ...string[]], "curl", "-sf", url);
      const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      return Object.fromEntries(lines.map((line) => {
        const space = line.lastIndexOf(" ");
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }));
    },
    [Symbol.asyncDispose]: remove,
  };
}

function startPeer(args: string[]): PeerProgram {
  const child = new Deno.Command("ip", { args, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  // Read as they come: a program whose pipe is full stands still.
  const lines: string[] = [];
  let wake = () => {};
  let isOver = false;
  const reading = (async () => {
    for await (const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      lines.push(line);
      wake();
    }
    isOver = true;
    wake();
  })();
  return {
    status: child.status,
    tell: (line) => writer.write(new TextEncoder().encode(`${line}\n`)),
    async line() {
      while (lines.length === 0) {
        if (isOver) throw new Error(`Cannot read another line of ip ${args.join(" ")}: it has ended`);
        await new Promise<void>((resolve) => wake = resolve);
      }
      return lines.shift()!;
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended by itself
      }
      await child.status;
      await reading;
      await writer.close().catch(() => {}); // nobody reads any more
    },
  };
}

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`Cannot run ${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}
