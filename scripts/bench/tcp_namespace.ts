/** A network namespace of its own with addresses that are no loopback's, and a program in it that makes connections. */
import { TextLineStream } from "@std/streams/text-line-stream";

/** The namespace's addresses. */
export const ADDRESS = "192.0.2.1", ADDRESS6 = "2001:db8::1";

/** The namespace; it vanishes with its programs. */
export interface Namespace extends AsyncDisposable {
  /** What stands before a command that is to run there. */
  readonly enter: readonly string[];
  /** Makes connections to an address and keeps them; each is two sockets there. @returns the clients' ports */
  open(count: number, address?: string): Promise<number[]>;
  /** Each connection carries a byte there and back. */
  exchange(): Promise<void>;
  /** Closes all of them, at both ends. */
  close(): Promise<void>;
}

const LAY_OUT = `ip link set lo up && ip address add ${ADDRESS}/32 dev lo && ip address add ${ADDRESS6}/128 dev lo`;

/** Whether this host lets a test have one: root, ip(8), unshare(1), nsenter(1). */
export async function canEnterNamespace(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  try {
    const probe = new Deno.Command("unshare", {
      args: ["-n", "sh", "-c", LAY_OUT],
      stdout: "null",
      stderr: "null",
    });
    const enter = new Deno.Command("nsenter", { args: ["--version"], stdout: "null" });
    return (await probe.output()).success && (await enter.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes connections as it is told to on its standard input, and answers with a line of ports. */
const PROGRAM = `
const listeners = Object.fromEntries(["${ADDRESS}", "${ADDRESS6}"].map((hostname) => {
  return [hostname, Deno.listen({ hostname, port: 0 })];
}));
const encoder = new TextEncoder();
const buffer = new Uint8Array(16);
let open = [];
async function send(from, to) {
  await from.write(encoder.encode("x"));
  await to.read(buffer);
}
const commands = {
  async open(count, hostname) {
    const ports = [];
    const listener = listeners[hostname];
    for (let i = 0; i < Number(count); i++) {
      const { port } = listener.addr;
      const pair = await Promise.all([Deno.connect({ hostname, port }), listener.accept()]);
      await send(...pair);
      open.push(pair);
      ports.push(pair[0].localAddr.port);
    }
    return ports;
  },
  async exchange() {
    for (const [client, server] of open) {
      await send(client, server);
      await send(server, client);
    }
  },
  close() {
    for (const pair of open) for (const one of pair) one.close();
    open = [];
  },
};
console.log("ready");
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) {
    const [what, ...given] = line.split(" ");
    console.log(JSON.stringify(await commands[what](...given) ?? null));
  }
}
`;

/** Makes the namespace. It must be allowed, see {@linkcode canEnterNamespace}. */
export async function newNamespace(): Promise<Namespace> {
  const child = new Deno.Command("unshare", {
    args: ["-n", "sh", "-c", `${LAY_OUT} && exec "$@"`, "sh", Deno.execPath(), "eval", "--no-config", PROGRAM],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  const writer = child.stdin.getWriter();
  async function answer(): Promise<string> {
    const { value } = await lines.read();
    if (value === undefined) throw new Error("Cannot make connections: the program in the namespace has ended");
    return value;
  }
  async function ask(line: string): Promise<string> {
    await writer.write(new TextEncoder().encode(`${line}\n`));
    return await answer();
  }
  await answer();
  return {
    enter: ["nsenter", "-t", String(child.pid), "-n"],
    open: async (count, address = ADDRESS) => JSON.parse(await ask(`open ${count} ${address}`)),
    exchange: async () => void await ask("exchange"),
    close: async () => void await ask("close"),
    async [Symbol.asyncDispose]() {
      await writer.close();
      await lines.cancel();
      await child.status;
    },
  };
}
