import { type Ended, LIMIER } from "../../scripts/bench/agent_process.ts";

/** Runs a command of the program to its end. */
export async function limier(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Promise<Ended> {
  const [program = "", ...before] = LIMIER;
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...before, ...args],
    stdin: "null",
    env: { NO_COLOR: "1", ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** A folder of its own for the length of `using`. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "limier_process_" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Sends datagrams to a UDP port of this host. */
export async function sendUdp(
  port: number,
  datagrams: readonly (string | Uint8Array)[],
  hostname = "127.0.0.1",
): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  try {
    const text = new TextEncoder();
    for (const datagram of datagrams) {
      const bytes = typeof datagram === "string" ? text.encode(datagram) : datagram;
      await socket.send(bytes, { transport: "udp", hostname, port });
    }
  } finally {
    socket.close();
  }
}

/** The objects that an output of kind stdout has printed. */
export function printedObjects(printed: string): Record<string, unknown>[] {
  return printed.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

/** The points among them of one name. */
export function pointsOf(printed: string, name: string): Record<string, unknown>[] {
  // The last line may be on its way still.
  const whole = printed.slice(0, printed.lastIndexOf("\n") + 1);
  return printedObjects(whole).filter((one) => one.kind === "point" && one.name === name);
}
