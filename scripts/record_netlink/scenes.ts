/** What is recorded: connections that the recorder makes, each scene in the states that it is about. */
import { encodeSocketAddress } from "../../src/linux/mod.ts";
import {
  IPPROTO_IPV6,
  IPPROTO_TCP,
  listener,
  pair,
  type PairOptions,
  SOL_IP,
  SOL_SOCKET,
  useCongestion,
} from "./connections.ts";
import { type FakePeer, OWN, PEER, TcpFlag } from "./fake_peer.ts";
import {
  acceptFrom,
  AF_INET,
  AF_INET6,
  beginConnect,
  bindTo,
  closeSocket,
  cookieOf,
  newSocket,
  pause,
  portOf,
  receiveSome,
  sendSome,
  setOption,
  shutDown,
} from "./system.ts";

/** What a scene leaves to be recorded. */
export interface Shown {
  /** Sockets by cookie; their messages stand in this order. */
  readonly cookies: readonly bigint[];
  /** Local ports, for those that have no descriptor left, or none yet. */
  readonly ports?: readonly number[];
}

/** One recording: a dump of a family, of which the scene's own sockets are kept. */
export interface Scene {
  readonly name: string;
  readonly why: string;
  readonly family: 2 | 10;
  /** @default 0xf37 */
  readonly states?: number;
  /** @default 0xff */
  readonly extensions?: number;
  /** How often it is looked again until all sockets of the scene are in these states. */
  readonly until?: readonly number[];
  make(peer: FakePeer): Promise<Shown> | Shown;
}

const KIB = new Uint8Array(1024).fill(0x61);
const LOTS = new Uint8Array(4 * 1024 * 1024);
const EVERY_STATE = 0xffff_ffff;

function ends(options: PairOptions = {}): () => Promise<Shown> {
  return async () => {
    const { client, server } = await pair(options);
    sendSome(client, KIB);
    sendSome(server, KIB.subarray(0, 100));
    receiveSome(server, 2048);
    receiveSome(client, 2048);
    return { cookies: [cookieOf(client), cookieOf(server)] };
  };
}

/** A connection to the fake peer, established; nothing of what is sent later is answered. */
async function toPeer(peer: FakePeer, port: number, options: number[] = [], prepare?: (fd: number) => void) {
  const fd = newSocket(AF_INET);
  prepare?.(fd);
  beginConnect(fd, encodeSocketAddress({ hostname: PEER, port }));
  return { fd, ...await peer.accepts(portOf(fd), options) };
}

/** Waits until the socket is connected: it can send. */
async function connected(fd: number): Promise<void> {
  for (let tries = 0; tries < 500 && sendSome(fd, new Uint8Array(0)) < 0; tries++) await pause(2);
}

const int = (value: number) => new Uint8Array(Int32Array.of(value).buffer);

/** A TCP-MD5 key for a remote address, `struct tcp_md5sig`. */
function md5Key(address: Uint8Array, key: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(216);
  bytes.set(address);
  new DataView(bytes.buffer).setUint16(130, key.length, true);
  bytes.set(new TextEncoder().encode(key), 136);
  return bytes;
}

const CONGESTION = ["cubic", "reno", "bbr"].flatMap((name) =>
  ([["v4", 2, "127.0.0.1"], ["v6", 10, "::1"]] as const).map(([kind, family, host]): Scene => ({
    name: `established_${kind}_${name}`,
    why: `both ends of a connection over ${host} under ${name}, which has carried bytes both ways`,
    family,
    make: ends({ host, prepare: useCongestion(name) }),
  }))
);

const EXTENSIONS = [
  [0x00, "nothing asked for: what comes unasked"],
  [0x01, "MEMINFO alone"],
  [0x02, "INFO alone, with what belongs to it"],
  [0x04, "the congestion control's own data alone"],
  [0x08, "CONG alone"],
  [0x10, "TOS alone"],
  [0x20, "TCLASS, with which CLASS_ID comes"],
  [0x40, "SKMEMINFO alone"],
].map(([extensions, why]): Scene => ({
  name: `extension_${(extensions as number).toString(16).padStart(2, "0")}`,
  why: `a bbr connection of AF_INET6 and ${why}`,
  family: 10,
  extensions: extensions as number,
  make: ends({ host: "::1", prepare: useCongestion("bbr") }),
}));

export const SCENES: readonly Scene[] = [
  ...CONGESTION,
  ...EXTENSIONS,
  {
    name: "mapped_server",
    why: "the AF_INET6 end of a connection that speaks IPv4",
    family: 10,
    async make() {
      const { server } = await pair({ host: "::", to: "127.0.0.1" });
      return { cookies: [cookieOf(server)] };
    },
  },
  {
    name: "mapped_both",
    why: "both ends are of AF_INET6 and speak IPv4",
    family: 10,
    make: ends({ host: "::", to: "::ffff:127.0.0.1" }),
  },
  {
    name: "mapped_client_v4",
    why: "the AF_INET end of the connection to a mapped one",
    family: 2,
    async make() {
      const { client } = await pair({ host: "::", to: "127.0.0.1" });
      return { cookies: [cookieOf(client)] };
    },
  },
  {
    name: "link_local_scope",
    why: "link-local addresses bind the sockets to an interface, whose index is in host order",
    family: 10,
    make: (peer) => ends({ host: `fe80::9%${peer.interfaceIndex}` })(),
  },
  {
    name: "bound_to_device",
    why: "SO_BINDTODEVICE on both ends",
    family: 2,
    make: ends({ prepare: (fd) => setOption(fd, SOL_SOCKET, 25, new TextEncoder().encode("lo")) }),
  },
  {
    name: "listen_v4",
    why: "listeners of AF_INET: wqueue is the backlog's limit, unacked and sacked tell the same",
    family: 2,
    make: () => ({ cookies: [listener("127.0.0.1", 128), listener("0.0.0.0", 5)].map(cookieOf) }),
  },
  {
    name: "listen_v4_waiting",
    why: "three connections wait to be accepted",
    family: 2,
    async make() {
      const listening = listener("127.0.0.1", 4);
      for (let i = 0; i < 3; i++) {
        const client = newSocket(AF_INET);
        beginConnect(client, encodeSocketAddress({ hostname: "127.0.0.1", port: portOf(listening) }));
        await connected(client);
      }
      return { cookies: [cookieOf(listening)] };
    },
  },
  {
    name: "listen_v6",
    why: "listeners of AF_INET6 carry SKV6ONLY, 0 here",
    family: 10,
    make: () => ({ cookies: [cookieOf(listener("::", 16))] }),
  },
  {
    name: "listen_v6_only",
    why: "IPV6_V6ONLY is set",
    family: 10,
    make: () => ({ cookies: [cookieOf(listener("::1", 16, (fd) => setOption(fd, IPPROTO_IPV6, 26, 1)))] }),
  },
  {
    name: "syn_sent",
    why: "a connect that nobody answers",
    family: 2,
    make() {
      const fd = newSocket(AF_INET);
      beginConnect(fd, encodeSocketAddress({ hostname: PEER, port: 443 }));
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "syn_sent_retransmitted",
    why: "a connect whose SYN was sent again",
    family: 2,
    async make(peer) {
      const fd = newSocket(AF_INET);
      beginConnect(fd, encodeSocketAddress({ hostname: PEER, port: 444 }));
      for (let i = 0; i < 2; i++) await peer.sees(portOf(fd), TcpFlag.syn);
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "syn_sent_v6",
    why: "a connect of AF_INET6 that nobody answers",
    family: 10,
    make() {
      const fd = newSocket(AF_INET6);
      beginConnect(fd, encodeSocketAddress({ hostname: "fd09::2", port: 443 }));
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "syn_recv",
    why: "half a handshake: a request socket, which carries no tcp_info",
    family: 2,
    states: EVERY_STATE,
    until: [10, 3],
    async make(peer) {
      const listening = listener(OWN);
      const port = portOf(listening);
      peer.says(40_001, port, 700, 0, TcpFlag.syn);
      await peer.sees(port, TcpFlag.syn | TcpFlag.ack);
      return { cookies: [], ports: [port] };
    },
  },
  {
    name: "established_unanswered",
    why: "sent data is retransmitted and never acknowledged: timer, retransmissions, lost segments",
    family: 2,
    async make(peer) {
      const { fd, next, received, port } = await toPeer(peer, 5001);
      await connected(fd);
      sendSome(fd, new Uint8Array(100));
      const own = portOf(fd);
      for (let i = 0; i < 3; i++) await peer.sees(own, TcpFlag.psh);
      peer.says(port, own, next, received, TcpFlag.ack);
      await pause(20);
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "established_no_options",
    why: "the peer knows no TCP options: no timestamps, no scaling, small segments",
    family: 2,
    async make(peer) {
      const { fd } = await toPeer(peer, 5002, [2, 4, 2, 24]); // MSS 536
      await connected(fd);
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "established_ecn",
    why: "the peer agreed to explicit congestion notification",
    family: 2,
    async make(peer) {
      await Deno.writeTextFile("/proc/sys/net/ipv4/tcp_ecn", "1");
      const fd = newSocket(AF_INET);
      beginConnect(fd, encodeSocketAddress({ hostname: PEER, port: 5003 }));
      const syn = await peer.sees(portOf(fd), TcpFlag.syn | TcpFlag.ece | TcpFlag.cwr);
      const flags = TcpFlag.syn | TcpFlag.ack | TcpFlag.ece;
      peer.says(syn.peerPort, portOf(fd), 9000, syn.sequence + 1 >>> 0, flags);
      await connected(fd);
      await Deno.writeTextFile("/proc/sys/net/ipv4/tcp_ecn", "2");
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "fin_wait1",
    why: "a FIN that was not acknowledged, the owner still there",
    family: 2,
    until: [4],
    async make(peer) {
      const { fd } = await toPeer(peer, 5004);
      await connected(fd);
      shutDown(fd, "write");
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "fin_wait1_orphan",
    why: "closed with data on the way: no owner, no inode",
    family: 2,
    until: [4],
    async make() {
      const { client } = await pair();
      while (sendSome(client, LOTS) > 0) continue;
      const cookie = cookieOf(client);
      closeSocket(client);
      return { cookies: [cookie] };
    },
  },
  {
    name: "fin_wait2",
    why: "sending is shut down and acknowledged, the socket is still open",
    family: 2,
    until: [5, 8],
    async make() {
      const { client, server } = await pair();
      shutDown(client, "write");
      return { cookies: [cookieOf(client), cookieOf(server)] };
    },
  },
  {
    name: "fin_wait2_mini",
    why: "the closed socket became a mini-socket: timer 3, no tcp_info",
    family: 2,
    until: [5],
    async make() {
      const { client } = await pair();
      const cookie = cookieOf(client);
      closeSocket(client);
      return { cookies: [cookie] };
    },
  },
  {
    name: "fin_wait2_mini_v6",
    why: "the same of AF_INET6",
    family: 10,
    until: [5],
    async make() {
      const { client } = await pair({ host: "::1" });
      const cookie = cookieOf(client);
      closeSocket(client);
      return { cookies: [cookie] };
    },
  },
  {
    name: "close_wait_v6",
    why: "the peer has closed; under bbr, whose data is left out from here on",
    family: 10,
    until: [8],
    async make() {
      const { client, server } = await pair({ host: "::1", prepare: useCongestion("bbr") });
      closeSocket(client);
      return { cookies: [cookieOf(server)] };
    },
  },
  {
    name: "last_ack",
    why: "the FIN behind the other's is not acknowledged",
    family: 2,
    until: [9],
    async make(peer) {
      const { fd, next, received, port } = await toPeer(peer, 5005);
      await connected(fd);
      peer.says(port, portOf(fd), next, received, TcpFlag.fin | TcpFlag.ack);
      await peer.sees(portOf(fd), TcpFlag.ack);
      await pause(20);
      const cookie = cookieOf(fd);
      closeSocket(fd);
      return { cookies: [cookie] };
    },
  },
  {
    name: "closing",
    why: "both ends closed at once and neither FIN is acknowledged",
    family: 2,
    until: [11],
    async make(peer) {
      const { fd, next, received, port } = await toPeer(peer, 5006);
      await connected(fd);
      shutDown(fd, "write");
      await peer.sees(portOf(fd), TcpFlag.fin);
      peer.says(port, portOf(fd), next, received, TcpFlag.fin | TcpFlag.ack);
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "time_wait",
    why: "a connection that has ended: a mini-socket",
    family: 2,
    states: 0x040,
    until: [6],
    async make() {
      const { client, server } = await pair();
      const cookie = cookieOf(client);
      shutDown(client, "write");
      await pause(20);
      closeSocket(server);
      await pause(20);
      closeSocket(client);
      return { cookies: [cookie] };
    },
  },
  {
    name: "bound_only",
    why: "bound, and neither listening nor connected: reported as CLOSE",
    family: 2,
    states: 1 << 13,
    until: [7],
    make() {
      const fd = newSocket(AF_INET);
      bindTo(fd, encodeSocketAddress({ hostname: "127.0.0.1", port: 0 }));
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "send_queue",
    why: "four megabytes written and nothing read: a full send queue, zero-window probes",
    family: 2,
    async make() {
      const { client, server } = await pair();
      setOption(client, SOL_SOCKET, 32, 8 * 1024 * 1024);
      while (sendSome(client, LOTS) > 0) continue;
      await pause(300);
      return { cookies: [cookieOf(client), cookieOf(server)] };
    },
  },
  {
    name: "send_queue_v6_bbr",
    why: "the same of AF_INET6 under bbr, paced",
    family: 10,
    async make() {
      const { client, server } = await pair({ host: "::1", prepare: useCongestion("bbr") });
      while (sendSome(client, LOTS) > 0) continue;
      await pause(100);
      return { cookies: [cookieOf(client), cookieOf(server)] };
    },
  },
  {
    name: "receive_queue",
    why: "bytes that were received and not read",
    family: 2,
    async make() {
      const { client, server } = await pair();
      sendSome(client, KIB.subarray(0, 777));
      await pause(20);
      return { cookies: [cookieOf(server)] };
    },
  },
  {
    name: "transfer",
    why: "sixteen megabytes have gone through: round-trip times, rates and counters that are not small",
    family: 2,
    async make() {
      const { client, server } = await pair();
      for (let sent = 0; sent < 16 * 1024 * 1024;) {
        sent += Math.max(0, sendSome(client, LOTS));
        while (receiveSome(server, 1 << 20) !== undefined) continue;
        await pause(0);
      }
      return { cookies: [cookieOf(client), cookieOf(server)] };
    },
  },
  {
    name: "tos",
    why: "type of service 0x48",
    family: 2,
    make: ends({ prepare: (fd) => setOption(fd, SOL_IP, 1, 0x48) }),
  },
  {
    name: "tclass",
    why: "traffic class 0xb8 and type of service 0x10",
    family: 10,
    make: ends({
      host: "::1",
      prepare: (fd) => {
        setOption(fd, IPPROTO_IPV6, 67, 0xb8);
        setOption(fd, SOL_IP, 1, 0x10);
      },
    }),
  },
  {
    name: "mark",
    why: "a mark with its highest bit set",
    family: 2,
    make: ends({ prepare: (fd) => setOption(fd, SOL_SOCKET, 36, int(0xfeed0001 | 0)) }),
  },
  {
    name: "priority",
    why: "a socket priority, which CLASS_ID tells where there is no net_cls group",
    family: 2,
    make: ends({ prepare: (fd) => setOption(fd, SOL_SOCKET, 12, 6) }),
  },
  {
    name: "shutdown_read",
    why: "receiving is shut down",
    family: 2,
    async make() {
      const { client, server } = await pair();
      shutDown(server, "read");
      return { cookies: [cookieOf(client), cookieOf(server)] };
    },
  },
  {
    name: "keepalive",
    why: "the keep-alive timer runs",
    family: 2,
    make: ends({ prepare: (fd) => setOption(fd, SOL_SOCKET, 9, 1) }),
  },
  {
    name: "pacing",
    why: "a maximal pacing rate of 5,000,000 bytes a second instead of all bits set",
    family: 2,
    make: ends({ prepare: (fd) => setOption(fd, SOL_SOCKET, 47, 5_000_000) }),
  },
  {
    name: "socket_options",
    why: "options that SOCKOPT tells: recverr, freebind, transparent, no multicast loop, late port",
    family: 2,
    make: ends({
      prepare: (fd) => {
        for (const option of [11, 15, 19, 24]) setOption(fd, SOL_IP, option, 1);
        setOption(fd, SOL_IP, 34, 0);
      },
    }),
  },
  {
    name: "md5_keys",
    why: "a listener with TCP-MD5 keys for two peers; the keys are shown nowhere",
    family: 2,
    make() {
      const fd = listener(OWN, 8, (fd) => {
        const first = encodeSocketAddress({ hostname: PEER, port: 0 });
        const second = encodeSocketAddress({ hostname: "10.9.0.3", port: 0 });
        setOption(fd, IPPROTO_TCP, 14, md5Key(first, "recorded-key"));
        setOption(fd, IPPROTO_TCP, 14, md5Key(second, "another"));
      });
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "md5_key_v6",
    why: "a listener of AF_INET6 with the key of an IPv6 peer",
    family: 10,
    make() {
      const fd = listener("::", 8, (fd) => {
        setOption(fd, IPPROTO_TCP, 14, md5Key(encodeSocketAddress({ hostname: "fd09::2", port: 0 }), "sixteen"));
      });
      return { cookies: [cookieOf(fd)] };
    },
  },
  {
    name: "mptcp",
    why: "the subflows of a multipath connection: ULP_INFO",
    family: 2,
    async make() {
      const { client, listener } = await pair({ protocol: 262 });
      sendSome(client, KIB);
      await pause(50);
      return { cookies: [], ports: [portOf(client), portOf(listener)] };
    },
  },
  {
    name: "fast_open_listener",
    why: "a listener that takes data in the SYN",
    family: 2,
    make: () => ({ cookies: [cookieOf(listener("127.0.0.1", 8, (fd) => setOption(fd, IPPROTO_TCP, 23, 5)))] }),
  },
  {
    name: "ten_connections",
    why: "twenty sockets in one dump: more than the first datagram holds",
    family: 10,
    async make() {
      const cookies: bigint[] = [];
      for (let i = 0; i < 10; i++) {
        const { client, server } = await pair({ host: "::1" });
        sendSome(client, KIB.subarray(0, 100 * i));
        cookies.push(cookieOf(client), cookieOf(server));
      }
      return { cookies };
    },
  },
  {
    name: "no_delay_server",
    why: "a server that has answered at once: delayed acknowledgements are off",
    family: 2,
    async make() {
      const { client, server, listener } = await pair({ prepare: (fd) => setOption(fd, IPPROTO_TCP, 12, 1) });
      sendSome(client, KIB);
      await pause(5);
      receiveSome(server, 2048);
      sendSome(server, KIB);
      const second = newSocket(AF_INET);
      beginConnect(second, encodeSocketAddress({ hostname: "127.0.0.1", port: portOf(listener) }));
      const other = await acceptFrom(listener);
      return { cookies: [cookieOf(server), cookieOf(other)] };
    },
  },
];
