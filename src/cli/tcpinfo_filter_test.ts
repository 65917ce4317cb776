import assert from "node:assert/strict";
import { parseIpv4, parseIpv6 } from "../linux/mod.ts";
import { Refusal, SocketMessage } from "../tcpinfo/mod.ts";
import { UsageError } from "./command.ts";
import { type FilterFlags, socketFilter, stateBits } from "./tcpinfo_filter.ts";

interface Ends {
  readonly family?: 2 | 10;
  readonly state?: number;
  readonly source: string;
  readonly sourcePort?: number;
  readonly destination: string;
  readonly destinationPort?: number;
  readonly uid?: number;
}

function socket(
  { family = 2, state = 1, source, sourcePort = 443, destination, destinationPort = 50_000, uid = 0 }: Ends,
) {
  const bytes = new Uint8Array(72), view = new DataView(bytes.buffer);
  bytes[0] = family;
  bytes[1] = state;
  view.setUint16(4, sourcePort);
  view.setUint16(6, destinationPort);
  bytes.set(parseIpv4(source) ?? parseIpv6(source)!, 8);
  bytes.set(parseIpv4(destination) ?? parseIpv6(destination)!, 24);
  view.setUint32(64, uid, true);
  const message = new SocketMessage();
  assert.equal(message.load(bytes, 0, 72), Refusal.none);
  return message;
}

const NONE: FilterFlags = {
  state: [],
  port: [],
  "local-port": [],
  "remote-port": [],
  address: [],
  local: [],
  remote: [],
  uid: [],
  "exclude-local": false,
};

const V4 = { source: "192.0.2.10", destination: "198.51.100.23" };
const V6 = { family: 10, source: "2001:db8::10", destination: "2001:db8:1::2" } as const;
const MAPPED = { family: 10, source: "::ffff:192.0.2.10", destination: "::ffff:198.51.100.23" } as const;

const judged: [flags: Partial<FilterFlags>, ends: Ends, isWanted: boolean][] = [
  [{}, V4, true],
  [{ state: ["established"] }, V4, true],
  [{ state: ["ESTABLISHED"] }, V4, true],
  [{ state: ["listen"] }, V4, false],
  [{ state: ["listen,close-wait"] }, { ...V4, state: 8 }, true],
  [{ state: ["listen", "time_wait"] }, { ...V4, state: 6 }, true],
  [{ state: ["connected"] }, { ...V4, state: 10 }, false],
  [{ state: ["connected"] }, { ...V4, state: 2 }, true],
  [{ state: ["synchronized"] }, { ...V4, state: 2 }, false],
  [{ state: ["all"] }, { ...V4, state: 10 }, true],
  [{ port: ["443"] }, V4, true],
  [{ port: ["50000"] }, V4, true],
  [{ port: ["80,443"] }, V4, true],
  [{ port: ["80"] }, V4, false],
  [{ "local-port": ["443"] }, V4, true],
  [{ "local-port": ["50000"] }, V4, false],
  [{ "remote-port": ["50000"] }, V4, true],
  [{ "remote-port": ["443"] }, V4, false],
  [{ "local-port": ["443"], "remote-port": ["1"] }, V4, false],
  [{ uid: ["1000"] }, { ...V4, uid: 1000 }, true],
  [{ uid: ["1000"] }, V4, false],
  [{ address: ["198.51.100.23"] }, V4, true],
  [{ address: ["192.0.2.10"] }, V4, true],
  [{ address: ["192.0.2.11"] }, V4, false],
  [{ address: ["192.0.2.10"] }, MAPPED, true],
  [{ address: ["::ffff:192.0.2.10"] }, V4, true],
  [{ address: ["::ffff:192.0.2.0/120"] }, V4, true],
  [{ address: ["::ffff:192.0.3.0/120"] }, V4, false],
  [{ local: ["192.0.2.0/24"] }, V4, true],
  [{ remote: ["192.0.2.0/24"] }, V4, false],
  [{ remote: ["198.51.96.0/21"] }, V4, true],
  [{ remote: ["198.51.104.0/21"] }, V4, false],
  [{ remote: ["0.0.0.0/0"] }, V4, true],
  [{ remote: ["0.0.0.0/0"] }, V6, false],
  [{ remote: ["::/0"] }, V6, true],
  [{ remote: ["2001:db8:1::/47"] }, V6, true],
  [{ remote: ["2001:db8:2::/47"] }, V6, false],
  [{ local: ["[2001:db8::10]"] }, V6, true],
  [{ local: ["2001:db8::1"] }, V6, false],
  [{ "exclude-local": true }, V4, true],
  [{ "exclude-local": true }, { source: "127.0.0.1", destination: "127.0.0.1" }, false],
  [{ "exclude-local": true }, { ...V4, destination: "0.0.0.0" }, false],
  [{ "exclude-local": true }, { ...V6, source: "fe80::1" }, false],
];

for (const [flags, ends, isWanted] of judged) {
  Deno.test(`socketFilter(${JSON.stringify(flags)}) ${isWanted ? "takes" : "leaves out"} ${JSON.stringify(ends)}`, () => {
    assert.equal(socketFilter({ ...NONE, ...flags })(socket(ends)), isWanted);
  });
}

const refused: [flags: Partial<FilterFlags>, message: RegExp][] = [
  [{ state: ["open"] }, /^Cannot use --state open: write one of established, syn_sent, .*, all, connected/],
  [{ state: [""] }, /^Cannot use --state /],
  [{ state: ["toString"] }, /^Cannot use --state toString/],
  [{ port: ["65536"] }, /^Cannot use --port 65536: write a number from 0 to 65535$/],
  [{ port: ["http"] }, /^Cannot use --port http/],
  [{ port: ["-1"] }, /^Cannot use --port -1/],
  [{ "local-port": ["1,,2"] }, /^Cannot use --local-port : /],
  [{ uid: ["4294967296"] }, /^Cannot use --uid 4294967296/],
  [{ address: ["example.com"] }, /^Cannot use --address example.com: write an IP address, or a prefix/],
  [{ address: ["192.0.2.0/33"] }, /^Cannot use --address 192.0.2.0\/33/],
  [{ local: ["2001:db8::/129"] }, /^Cannot use --local 2001:db8::\/129/],
  [{ remote: ["192.0.2.0/"] }, /^Cannot use --remote 192.0.2.0\//],
];

for (const [flags, message] of refused) {
  Deno.test(`socketFilter(${JSON.stringify(flags)}) is refused`, () => {
    assert.throws(
      () => socketFilter({ ...NONE, ...flags }),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

Deno.test("stateBits() has a bit a state, and none where none is named", () => {
  assert.equal(stateBits([]), undefined);
  assert.equal(stateBits(["established", "listen"]), 1 << 1 | 1 << 10);
  assert.equal(stateBits(["all"]), 0xffe);
});
