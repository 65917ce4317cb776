import assert from "node:assert/strict";
import { Section } from "../config/mod.ts";
import { readTcpinfoConfig, type TcpinfoConfig, tcpinfoSection } from "./config.ts";

function read(object: object, enabledByDefault = true): TcpinfoConfig {
  const root = Section.of({ tcpinfo: object }, { collect: true });
  const config = root.gather(() => readTcpinfoConfig(root.section("tcpinfo"), enabledByDefault));
  root.throwCollected();
  return config!;
}

Deno.test("readTcpinfoConfig() watches without archiving where nothing is written", () => {
  const config = read({});
  assert.equal(config.enabled, true);
  assert.equal(config.pollIntervalMs, 1000);
  assert.equal(config.archive.directory, "");
  assert.deepEqual(config.exclude, { local: true, srcports: [], dstips: [] });
  assert.equal(read({}, false).enabled, false);
});

Deno.test("readTcpinfoConfig() reads the flags of tcp-info by their names", () => {
  const config = read({
    reps: 3,
    output: "/var/spool/tcpinfo",
    uuid_prefix_file: "/var/local/uuid",
    exclude_srcport: "443, 65535",
    exclude_dstip: ["192.0.2.1", "2001:db8::1"],
    anonymize_ip: "netblock",
    eventsocket: "events.sock",
    prometheusx_listen_address: ":9990",
    trace: true,
    logx_debug: true,
  });
  assert.equal(config.reps, 3);
  assert.equal(config.archive.directory, "/var/spool/tcpinfo");
  assert.equal(config.archive.uuidPrefixFile, "/var/local/uuid");
  assert.deepEqual(config.exclude.srcports, [443, 65535]);
  assert.deepEqual(config.exclude.dstips, ["192.0.2.1", "2001:db8::1"]);
  assert.equal(config.warnings.length, 3);
});

Deno.test("readTcpinfoConfig() leaves out ports and addresses that are none, and says so", () => {
  const config = read({ exclude: { srcports: [22, 65536, "x"], dstips: ["192.0.2.1", "192.0.2.0/24", "host"] } });
  assert.deepEqual(config.exclude.srcports, [22]);
  assert.deepEqual(config.exclude.dstips, ["192.0.2.1"]);
  assert.equal(config.warnings.length, 4);
});

const refused: [what: object, message: RegExp][] = [
  [{ marshallers: 0 }, /tcpinfo\.marshallers = 0: write 1 or more: the saver has zero marshallers/],
  [{ anonymize_ip: "all" }, /tcpinfo\.anonymize_ip = "all": write none or netblock/],
  [{ poll_interval: "0s" }, /tcpinfo\.poll_interval/],
  [{ poll_intervall: "1s" }, /did you mean poll_interval\?/],
  [{ archive: { directory: "/a" }, output: "/b" }, /tcpinfo\.output = "\/b": write either/],
  [{ archive: { uuid_prefix: "a/b" } }, /tcpinfo\.archive\.uuid_prefix/],
  [{ archive: { uuid_prefix: "a", uuid_prefix_file: "/b" } }, /either it or uuid_prefix_file/],
  [{ archive: { buffer: "1KiB" } }, /tcpinfo\.archive\.buffer/],
  [{ archive: { file_limit: "1s" } }, /there is no such key/],
  [{ eventsocket_mode: "rw" }, /octal digits/],
  [{ exclude: { srcports: { a: 1 } } }, /a list, or a text with commas/],
  [{ exclude: { local: "yes" } }, /true or false/],
  [{ reps: -1 }, /tcpinfo\.reps/],
];
for (const [object, message] of refused) {
  Deno.test(`readTcpinfoConfig() refuses ${JSON.stringify(object)}`, () => {
    assert.throws(() => read(object), (error: Error) => message.test(error.message) || message.test(String(error)));
  });
}

Deno.test("tcpinfoSection() reads as the same configuration", () => {
  const config = read({
    poll_interval: "10ms",
    archive: { directory: "/a", uuid_prefix: "p", buffer: "2MiB", missed: false },
    exclude: { local: false, srcports: [22], dstips: ["192.0.2.1"] },
    eventsocket_mode: "0600",
    meter: true,
  });
  assert.deepEqual(read(tcpinfoSection(config), false), config);
});
