/** The gRPC peer of `scripts/grpc_peer`, made with gRPC's own Go implementation: built once, into a folder of its own. */
import { TextLineStream } from "@std/streams/text-line-stream";

/** A call that the peer served, or the answer it got. */
export interface PeerLine {
  readonly method?: string;
  readonly code?: string;
  readonly message?: string;
  /** In hex. */
  readonly messages: readonly string[];
  /** Whether the caller set a deadline. */
  readonly deadline: boolean;
}

/** A running peer; disposing ends it. */
export interface RunningPeer extends AsyncDisposable {
  /** The next thing it says: a call that it served, or an answer it got. */
  next(): Promise<PeerLine>;
}

/** A serving peer. */
export interface ServingPeer extends RunningPeer {
  readonly port: number;
}

const SOURCE = decodeURIComponent(new URL("../../scripts/grpc_peer", import.meta.url).pathname);

/**
 * Builds the peer.
 *
 * @returns where it is, or why it can't be had
 */
export async function buildPeer(): Promise<{ readonly path: string } | { readonly missing: string }> {
  const folder = await Deno.makeTempDir({ prefix: "limier_grpc_peer_" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const path = `${folder}/grpc_peer`;
  try {
    const go = new Deno.Command("go", { args: ["build", "-o", path, "."], cwd: SOURCE, stderr: "piped" });
    const { success, stderr } = await go.output();
    return success ? { path } : { missing: `go can't build the peer: ${new TextDecoder().decode(stderr)}` };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { missing: "there is no go command here" };
  }
}

/** Runs the peer as a client; the lines it printed. */
export async function runPeer(path: string, ...args: string[]): Promise<PeerLine[]> {
  const { success, stdout, stderr } = await new Deno.Command(path, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Starts the peer as a server. */
export async function servePeer(path: string, ...args: string[]): Promise<ServingPeer> {
  const { line, ...running } = spawn(path, ["serve", ...args]);
  return { port: Number(await line()), ...running };
}

/** Starts the peer as a client that goes on. */
export function startPeer(path: string, ...args: string[]): RunningPeer {
  const { line: _line, ...running } = spawn(path, args);
  return running;
}

function spawn(path: string, args: readonly string[]): RunningPeer & { line(): Promise<string> } {
  const child = new Deno.Command(path, { args: [...args], stdin: "null", stdout: "piped" }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  let ended = false;
  const done = child.status.then(() => void (ended = true));
  const line = async () => {
    const { value, done } = await lines.read();
    if (done) throw new Error("Cannot hear of the peer: it has ended");
    return value;
  };
  return {
    line,
    next: async () => JSON.parse(await line()),
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGKILL");
      await done;
      await lines.cancel();
    },
  };
}
