import assert from "node:assert/strict";
import { type AgentProcess, LIMIER, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { temporaryFolder } from "./limier.ts";
import { testUnless } from "../../src/testing/mod.ts";

const isLinux = Deno.build.os === "linux";

/** How often the running agent is replaced. */
const ROUNDS = 5;

const CONFIG = "statsd: { udp_address: '', interval: 1h }\noutputs: []\n";

/** A listening socket that children inherit: what a supervisor keeps open while its programs come and go. */
interface ListeningSocket extends Disposable {
  readonly fd: number;
  readonly port: number;
}

function listenInheritably(): ListeningSocket {
  // Deno's own sockets are closed in children.
  const libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const { socket, bind, listen, getsockname, close } = libc.symbols;
  const fd = socket(2, 1, 0); // AF_INET, SOCK_STREAM
  const address = new Uint8Array(16);
  address.set([2, 0, 0, 0, 127, 0, 0, 1]); // struct sockaddr_in: AF_INET, port 0, 127.0.0.1
  assert.ok(fd > 2);
  assert.equal(bind(fd, address, 16), 0);
  assert.equal(listen(fd, 128), 0);
  assert.equal(getsockname(fd, address, new Uint32Array([16])), 0);
  return {
    fd,
    port: new DataView(address.buffer).getUint16(2),
    [Symbol.dispose]() {
      close(fd);
      libc.close();
    },
  };
}

/** The program with the socket as descriptor 3, behind `exec`, so that its PID is that of the shell. */
function withSocket({ fd }: ListeningSocket, exports: string): string[] {
  return ["bash", "-c", `exec 3<&${fd} ${fd}<&-; export ${exports}; exec "$@"`, "bash", ...LIMIER];
}

/** Asks for `/healthcheck` over and over, each time on a connection of its own. */
function askContinuously(port: number): { readonly answers: Map<string, number>; stop(): Promise<void> } {
  const answers = new Map<string, number>();
  const request = new TextEncoder().encode("GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const stopped = new AbortController();
  const askOnce = async (): Promise<string> => {
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(request);
      const answer = await new Response(connection.readable).text();
      return answer.startsWith("HTTP/1.1 200 ") && answer.endsWith("ok\n") ? "ok" : `answer ${JSON.stringify(answer)}`;
    } catch (error) {
      return String(error);
    }
  };
  const asking = Promise.all(Array.from({ length: 4 }, async () => {
    while (!stopped.signal.aborted) {
      const answer = await askOnce();
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  }));
  return {
    answers,
    async stop() {
      stopped.abort();
      await asking;
    },
  };
}

/** Replaces the agent again and again while it is asked; every answer must be a good one. */
async function replaceUnderRequests(port: number, start: () => Promise<AgentProcess>): Promise<void> {
  await using current = new AsyncDisposableStack();
  let agent = current.use(await start());
  const asking = askContinuously(port);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const successor = current.use(await start());
      const { code, stderr } = await agent.stop();
      assert.equal(code, 0, stderr);
      agent = successor;
    }
  } finally {
    await asking.stop();
  }
  assert.deepEqual([...asking.answers.keys()], ["ok"]);
  assert.ok(asking.answers.get("ok")! > ROUNDS);
}

Deno.test({
  name: "agents on an inherited socket (LISTEN_FDS) take turns without a refused or failed request",
  ignore: !isLinux,
  async fn() {
    using socket = listenInheritably();
    await replaceUnderRequests(socket.port, () =>
      startAgentProcess({
        config: `http: { address: "fd@3" }\n${CONFIG}`,
        command: withSocket(socket, "LISTEN_PID=$$ LISTEN_FDS=1"),
      }));
  },
});

Deno.test({
  name: "agents under Einhorn take turns without a refused or failed request, each with its ack",
  ignore: !isLinux,
  async fn() {
    using socket = listenInheritably();
    await using folder = await temporaryFolder();
    const path = `${folder.path}/einhorn.sock`;
    const acks: unknown[] = [];
    const pids: number[] = [];
    using master = Deno.listen({ transport: "unix", path });
    const reading = (async () => {
      for await (const connection of master) acks.push(JSON.parse(await new Response(connection.readable).text()));
    })();
    const variables = `EINHORN_MASTER_PID=${Deno.pid} EINHORN_FD_COUNT=1 EINHORN_FD_0=3 EINHORN_SOCK_PATH=${path}`;
    await replaceUnderRequests(socket.port, async () => {
      const agent = await startAgentProcess({
        config: `http: { address: "einhorn@0" }\n${CONFIG}`,
        command: withSocket(socket, variables),
      });
      pids.push(agent.pid);
      return agent;
    });
    master.close();
    await reading;
    assert.deepEqual(acks, pids.map((pid) => ({ command: "worker:ack", pid })));
  },
});

Deno.test({
  name: "SIGHUP with changed listeners keeps an inherited socket",
  ignore: !isLinux,
  async fn() {
    using socket = listenInheritably();
    const config = `http: { address: "fd@3" }\n${CONFIG}`;
    await using agent = await startAgentProcess({
      config,
      command: withSocket(socket, "LISTEN_PID=$$ LISTEN_FDS=1"),
    });
    const asking = askContinuously(socket.port);
    for (const address of ["127.0.0.1:0", "''", "127.0.0.1:0"]) {
      const from = agent.log.length;
      await Deno.writeTextFile(agent.configPath, config.replace("udp_address: ''", `udp_address: ${address}`));
      agent.signal("SIGHUP");
      await agent.logged({ message: "configuration reloaded, listeners started anew" }, from);
    }
    await asking.stop();
    assert.deepEqual([...asking.answers.keys()], ["ok"]);
    assert.equal((await agent.stop()).code, 0);
  },
});

const refusals: [address: string, env: Record<string, string>, says: RegExp][] = [
  ["fd@3", { LISTEN_PID: "1", LISTEN_FDS: "1" }, /LISTEN_PID=1 means another process/],
  ["fd@4", { LISTEN_PID: "$$", LISTEN_FDS: "1" }, /systemd passed fd@3 to fd@3/],
  ["fd@1", {}, /sockets begin at fd@3/],
  ["einhorn@0", {}, /EINHORN_MASTER_PID is not set/],
  ["einhorn@0", { EINHORN_MASTER_PID: "1" }, /EINHORN_MASTER_PID=1 is not this process's parent/],
  ["einhorn@1", { EINHORN_MASTER_PID: `${Deno.pid}`, EINHORN_FD_COUNT: "1", EINHORN_FD_0: "3" }, /passed 1 socket/],
];

for (const [address, env, says] of refusals) {
  Deno.test({
    name: `limier run refuses ${address} with ${JSON.stringify(env)}`.replace(`${Deno.pid}`, "PPID"),
    ignore: !isLinux,
    async fn() {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/limier.yaml`;
      await Deno.writeTextFile(path, `http: { address: "${address}" }\n${CONFIG}`);
      const exports = Object.entries(env).map(([name, value]) => `${name}=${value}`).join(" ");
      const { code, stderr } = await new Deno.Command("bash", {
        args: ["-c", `${exports === "" ? "" : `export ${exports};`} exec "$@"`, "bash", ...LIMIER, "run", "-f", path],
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).output();
      assert.match(new TextDecoder().decode(stderr), says);
      assert.equal(code, 1);
    },
  });
}

/** Whether systemd's own tool is here. */
const activator = isLinux && ["/usr/bin", "/bin"].map((folder) => `${folder}/systemd-socket-activate`).find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // not there
  }
});

testUnless(
  activator ? undefined : "there is no systemd-socket-activate",
  "systemd-socket-activate starts an agent by the first request, which is answered",
  async () => {
    await using folder = await temporaryFolder();
    const socket = `${folder.path}/http.sock`;
    await using agentStack = new AsyncDisposableStack();
    const starting = startAgentProcess({
      config: `http: { address: "fd@3" }\nstatsd: { udp_address: "127.0.0.1:0", interval: 1h }\n`,
      command: [String(activator), "-l", socket, "-E", "PATH", "-E", "HOME", ...LIMIER],
      keepsOutput: true,
    });
    const answer = await healthOverUnix(socket);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    const agent = agentStack.use(await starting);
    assert.match(await healthOverUnix(socket), /ok\n$/);
    const { code } = await agent.stop();
    assert.equal(code, 0);
  },
);

async function healthOverUnix(path: string): Promise<string> {
  for (;;) {
    try {
      using connection = await Deno.connect({ transport: "unix", path });
      await connection.write(
        new TextEncoder().encode("GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
      );
      return await new Response(connection.readable).text();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20)); // the activator is on its way
    }
  }
}
