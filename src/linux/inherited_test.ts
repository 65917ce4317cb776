import assert from "node:assert/strict";
import {
  adoptDescriptor,
  duplicateDescriptor,
  einhornAck,
  type Environment,
  findInherited,
  type InheritedDescriptor,
  InheritedSocketError,
  isInheritedAddress,
  sendEinhornAck,
  systemdDescriptors,
} from "./inherited.ts";
import { openLibc } from "./libc.ts";
import { cString } from "./memory.ts";
import { openTcpListener, openUdpSocket } from "./socket.ts";
import { linuxTest } from "./testing.ts";

const ids = { pid: 200, ppid: 100 };
const systemd = { LISTEN_PID: "200", LISTEN_FDS: "2", LISTEN_FDNAMES: "statsd:http" };
const einhorn = {
  EINHORN_MASTER_PID: "100",
  EINHORN_FD_COUNT: "2",
  EINHORN_FD_0: "5",
  EINHORN_FD_1: "9",
  EINHORN_SOCK_PATH: "/tmp/einhorn.sock",
};

const found: [address: string, env: Environment, descriptor: InheritedDescriptor][] = [
  ["fd@3", systemd, { fd: 3, fdName: "statsd" }],
  ["fd@4", systemd, { fd: 4, fdName: "http" }],
  ["fd@4", { ...systemd, LISTEN_FDNAMES: "only" }, { fd: 4 }],
  ["fd@4", { ...systemd, LISTEN_FDNAMES: undefined }, { fd: 4 }],
  ["fd@3", {}, { fd: 3 }],
  ["fd@17", {}, { fd: 17 }],
  ["fd@3", { LISTEN_FDS: "1" }, { fd: 3 }],
  ["fd@3", { LISTEN_PID: "200", LISTEN_FDS: "0" }, { fd: 3 }],
  ["einhorn@0", einhorn, { fd: 5, ackPath: "/tmp/einhorn.sock" }],
  ["einhorn@1", einhorn, { fd: 9, ackPath: "/tmp/einhorn.sock" }],
];

for (const [address, env, descriptor] of found) {
  Deno.test(`findInherited() finds ${address} with ${JSON.stringify(env)}`, () => {
    assert.deepEqual(findInherited(address, env, ids), descriptor);
  });
}

const refused: [address: string, env: Environment, message: RegExp][] = [
  ["fd@", {}, /^Cannot use fd@: write fd@N/],
  ["fd@-1", {}, /write fd@N/],
  ["fd@3x", {}, /write fd@N/],
  ["fd@1e1", {}, /write fd@N/],
  ["127.0.0.1:80", {}, /write fd@N/],
  ["fd@0", {}, /standard streams/],
  ["fd@2", systemd, /standard streams/],
  ["fd@5", systemd, /systemd passed fd@3 to fd@4/],
  ["fd@3", { ...systemd, LISTEN_PID: "100" }, /LISTEN_PID=100 means its parent, a wrapper .* this process is 200/],
  ["fd@3", { ...systemd, LISTEN_PID: "7" }, /LISTEN_PID=7 means another process/],
  ["fd@3", { ...systemd, LISTEN_PID: "x" }, /LISTEN_PID=x and LISTEN_FDS=2 are not both whole/],
  ["fd@3", { ...systemd, LISTEN_FDS: "-1" }, /not both whole numbers/],
  ["einhorn@0", {}, /EINHORN_MASTER_PID is not set/],
  ["einhorn@0", { ...einhorn, EINHORN_MASTER_PID: "101" }, /EINHORN_MASTER_PID=101 is not this process's parent, 100/],
  ["einhorn@0", { ...einhorn, EINHORN_MASTER_PID: "" }, /not this process's parent/],
  ["einhorn@2", einhorn, /einhorn passed 2 socket\(s\), counted from 0/],
  ["einhorn@0", { ...einhorn, EINHORN_FD_COUNT: undefined }, /EINHORN_FD_COUNT= is no number/],
  ["einhorn@0", { ...einhorn, EINHORN_FD_0: undefined }, /EINHORN_FD_0= is no descriptor/],
  ["einhorn@0", { ...einhorn, EINHORN_FD_0: "-3" }, /EINHORN_FD_0=-3 is no descriptor/],
  ["einhorn@0", { ...einhorn, EINHORN_SOCK_PATH: undefined }, /EINHORN_SOCK_PATH is not set/],
  ["einhorn@", einhorn, /write fd@N or einhorn@N/],
];

for (const [address, env, message] of refused) {
  Deno.test(`findInherited() refuses ${address} with ${JSON.stringify(env)}`, () => {
    assert.throws(() => findInherited(address, env, ids), (error) => {
      assert.ok(error instanceof InheritedSocketError);
      assert.equal(error.code, "linux.inherited_socket");
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("systemdDescriptors() lists all, or none when systemd passed none", () => {
  assert.deepEqual(systemdDescriptors(systemd, ids), [{ fd: 3, fdName: "statsd" }, { fd: 4, fdName: "http" }]);
  assert.deepEqual(systemdDescriptors({}, ids), []);
  assert.deepEqual(systemdDescriptors({ LISTEN_PID: "200" }, ids), []);
});

Deno.test("isInheritedAddress() tells them from addresses to open", () => {
  for (const yes of ["fd@3", "einhorn@0", "fd@x"]) assert.equal(isInheritedAddress(yes), true);
  for (const no of ["", "127.0.0.1:80", "/run/fd@3", "@fd", "fd3"]) assert.equal(isInheritedAddress(no), false);
});

Deno.test("einhornAck() is the line that Einhorn reads", () => {
  assert.equal(einhornAck(4711), '{"command": "worker:ack", "pid": 4711}\n');
});

linuxTest("sendEinhornAck() writes the line to Einhorn's socket", async () => {
  const path = `${await Deno.makeTempDir()}/einhorn.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  const accepted = listener.accept();
  await sendEinhornAck(path, 4711);
  const connection = await accepted;
  assert.equal(await new Response(connection.readable).text(), einhornAck(4711));
});

linuxTest("sendEinhornAck() rejects when nobody is there", async () => {
  await assert.rejects(sendEinhornAck(`${await Deno.makeTempDir()}/none.sock`, 1));
});

linuxTest("adoptDescriptor() sees what a descriptor is", () => {
  using tcp = openTcpListener({ address: { hostname: "127.0.0.1", port: 0 } });
  assert.deepEqual(adoptDescriptor(tcp.fd), { fd: tcp.fd, kind: "stream", listening: true, address: tcp.address });
  using udp = openUdpSocket({ address: { hostname: "127.0.0.1", port: 0 } });
  assert.deepEqual(adoptDescriptor(udp.fd), { fd: udp.fd, kind: "datagram", listening: false, address: udp.address });
});

linuxTest("adoptDescriptor() makes a datagram socket blocking, and closes any in children", () => {
  const libc = openLibc();
  const fd = libc.socket(2, 2 | 0o4000, 0); // as systemd opens it: SOCK_DGRAM | SOCK_NONBLOCK
  assert.equal(libc.fcntl(fd, 3, 0) & 0o4000, 0o4000);
  assert.equal(libc.fcntl(fd, 1, 0), 0);
  adoptDescriptor(fd);
  assert.equal(libc.fcntl(fd, 3, 0) & 0o4000, 0);
  assert.equal(libc.fcntl(fd, 1, 0), 1);
  libc.close(fd);
});

linuxTest("duplicateDescriptor() makes another descriptor of the same socket, closed in children", () => {
  const libc = openLibc();
  const tcp = openTcpListener({ address: { hostname: "127.0.0.1", port: 0 } });
  const fd = duplicateDescriptor(tcp.fd);
  tcp.close();
  assert.deepEqual(adoptDescriptor(fd), { fd, kind: "stream", listening: true, address: tcp.address });
  assert.equal(libc.fcntl(fd, 1, 0), 1);
  libc.close(fd);
  assert.throws(() => duplicateDescriptor(987_654), { errno: "EBADF" });
});

linuxTest("adoptDescriptor() refuses what is no socket", () => {
  assert.throws(() => adoptDescriptor(987_654), { errno: "EBADF" });
  const libc = openLibc();
  const fd = libc.open(cString("/dev/null"), 0, 0);
  assert.throws(() => adoptDescriptor(fd), { errno: "ENOTSOCK", syscall: "getsockopt" });
  libc.close(fd);
});
