import assert from "node:assert/strict";
import {
  createCounterMap,
  createSocketMap,
  loadReuseportProgram,
  possibleCpus,
  putSocket,
  readCounter,
} from "./bpf.ts";
import { senderProgram } from "./bpf_program.ts";
import { effectiveCapabilities } from "./host_facts.ts";
import { openLibc } from "./libc.ts";
import { openUdpSocket } from "./socket.ts";
import { testUnless } from "../testing/mod.ts";

const isLinux = Deno.build.os === "linux";
const status = isLinux ? Deno.readTextFileSync("/proc/self/status") : "";
const hasBpf = effectiveCapabilities(status)?.includes("CAP_BPF") ?? false;
const lacking = hasBpf ? undefined : "it needs CAP_BPF";

function ebpfTest(name: string, body: () => void): void {
  testUnless(lacking, name, body);
}

/** Runs `body` with a map, and closes it. */
function withMap(make: () => number, body: (fd: number) => void): void {
  const fd = make();
  try {
    body(fd);
  } finally {
    openLibc().close(fd);
  }
}

ebpfTest("a counter map begins with 0 on every CPU", () => {
  withMap(createCounterMap, (fd) => assert.equal(readCounter(fd, possibleCpus()), 0n));
});

ebpfTest("putSocket() refuses a socket that is not shared, and one that is in another map", () => {
  const address = { hostname: "127.0.0.1", port: 0 };
  using alone = openUdpSocket({ address });
  using shared = openUdpSocket({ address, reusePort: true });
  withMap(() => createSocketMap(2), (fd) => {
    assert.throws(() => putSocket(fd, 0, alone.fd), { errno: "EINVAL" });
    putSocket(fd, 0, shared.fd);
    withMap(
      () => createSocketMap(2),
      (other) => assert.throws(() => putSocket(other, 0, shared.fd), { errno: "EBUSY" }),
    );
    assert.throws(() => putSocket(fd, 2, shared.fd), { errno: "E2BIG" });
  });
});

ebpfTest("loadReuseportProgram() says what the verifier has against a program", () => {
  withMap(() => createSocketMap(2), (socketsFd) => {
    const program = senderProgram({ socketsFd, sockets: 2 });
    program.fill(0, program.length - 16, program.length - 8); // r0 = SK_PASS is gone
    assert.throws(() => loadReuseportProgram(program), /Cannot load an eBPF program: EINVAL .*the verifier says: /);
    withMap(() => loadReuseportProgram(senderProgram({ socketsFd, sockets: 2 })), (fd) => assert.ok(fd > 2));
  });
});
