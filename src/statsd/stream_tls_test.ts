import assert from "node:assert/strict";
import { until } from "../testing/mod.ts";
import { At, rejectedLines } from "./stats.ts";
import { startStreamListener } from "./stream_listener.ts";
import { at, closedByPeer, connect, leakFreeTest, newDirectory, rig, send } from "./stream_testing.ts";
import { readTlsSettings, type TlsKeys, type TlsSetting, TlsSettingError } from "./stream_tls.ts";

const GUIDE = new URL("../../docs/tls.md", import.meta.url);

/** Runs `script` in `directory`. */
function shell(script: string, directory: string): void {
  const { success, stderr } = new Deno.Command("sh", { args: ["-euc", script], cwd: directory }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** A directory with the guide's certificates, and with some that must be refused. */
function makeCertificates(): string {
  const directory = newDirectory();
  const chapter = Deno.readTextFileSync(GUIDE).split("\n## ").find((text) => text.startsWith("Certificates\n"))!;
  for (const [, script] of chapter.matchAll(/```sh\n([^]*?)```/g)) shell(script!, directory);
  shell(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 -subj "/CN=Limier authority" \
       -keyout other_ca.key -out other_ca.crt
     openssl x509 -req -in client.csr -CA other_ca.crt -CAkey other_ca.key -CAcreateserial -extfile client.ext -out foreign.crt
     openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days -1 -extfile client.ext -out expired.crt
     openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj "/CN=rsa" -keyout rsa.key -out rsa.crt
     openssl pkcs8 -topk8 -in rsa.key -passout pass:secret -out locked.key
     cat other_ca.crt ca.crt > both.crt`,
    directory,
  );
  return directory;
}

function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const skipped = !hasOpenssl();
if (skipped) {
  console.warn("The TLS tests are skipped: there is no openssl command here");
  Deno.test("the TLS tests are not skipped in CI", () => assert.notEqual(Deno.env.get("CI"), "true"));
}
const certificates = skipped ? "" : makeCertificates();
const pem = (name: string) => skipped ? "" : Deno.readTextFileSync(`${certificates}/${name}`);
const path = (name: string) => `${certificates}/${name}`;
const keys = (tlsKey: string, tlsCertificate: string, tlsAuthorityCertificate = ""): TlsKeys => ({
  tlsKey,
  tlsCertificate,
  tlsAuthorityCertificate,
});
const server = [pem("server.key"), pem("server.crt")] as const;

Deno.test("readTlsSettings() without settings is unencrypted", () => {
  assert.deepEqual(readTlsSettings(keys("", "")), { mode: "unencrypted", key: "", cert: "", ca: [] });
});

leakFreeTest("readTlsSettings() takes PEM text and paths", async () => {
  const expected = { mode: "encrypted", key: server[0], cert: server[1], ca: [] };
  assert.deepEqual(readTlsSettings(keys(...server)), expected);
  assert.deepEqual(readTlsSettings(keys(path("server.key"), path("server.crt"))), expected);
  assert.equal(readTlsSettings(keys(pem("rsa.key"), pem("rsa.crt"))).mode, "encrypted");
  const both = readTlsSettings(keys(...server, path("both.crt")));
  assert.equal(both.mode, "authenticated");
  assert.deepEqual(both.ca.map((text) => `${text}\n`), [pem("other_ca.crt"), pem("ca.crt")]);
  await Promise.resolve();
}, skipped);

const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const unusable: [name: string, config: TlsKeys, setting: TlsSetting, message: RegExp][] = [
  ["a key alone", keys(server[0], ""), "tls_key", /tls_key is set; must set tls_certificate/],
  ["a certificate alone", keys("", server[1]), "tls_certificate", /there is no tls_key/],
  ["an authority alone", keys("", "", pem("ca.crt")), "tls_authority_certificate", /there is no tls_key/],
  ["a key that is none", keys("BEGIN nothing", server[1]), "tls_key", /not a private key/],
  ["a key with a passphrase", keys(pem("locked.key"), pem("rsa.crt")), "tls_key", /without a passphrase/],
  ["another's key", keys(pem("client.key"), server[1]), "tls_certificate", /not the certificate of tls_key/],
  ["a certificate that is none", keys(server[0], "BEGIN"), "tls_certificate", /there is no certificate as PEM/],
  ["a key as certificate", keys(server[0], server[0]), "tls_certificate", /there is no certificate as PEM/],
  ["a broken certificate", keys(server[0], broken), "tls_certificate", /certificate 1 in it can't be parsed/],
  ["an authority that is none", keys(...server, "BEGIN nonsense"), "tls_authority_certificate", /no certificate/],
  ["a broken authority", keys(...server, pem("ca.crt") + broken), "tls_authority_certificate", /certificate 2/],
  ["a path to nothing", keys("/none/x.key", server[1]), "tls_key", /as a path \/none\/x\.key: there is no such file/],
  ["a directory", keys(server[0], "/"), "tls_certificate", /as a path \/: it can't be read/],
];

for (const [name, config, setting, message] of unusable) {
  Deno.test({
    name: `readTlsSettings() refuses ${name}`,
    ignore: skipped,
    fn: () =>
      assert.throws(() => readTlsSettings(config), (error) => {
        assert.ok(error instanceof TlsSettingError && error instanceof RangeError);
        assert.equal(error.setting, setting);
        assert.match(error.message, new RegExp(`^Cannot use ${setting}: `));
        assert.match(error.message, message);
        return true;
      }),
  });
}

Deno.test("readTlsSettings() does not show a key that it took for a path", () => {
  assert.throws(() => readTlsSettings(keys("MIGHAgEAMBMGByqGSM49", "x")), (error: Error) => {
    assert.doesNotMatch(error.message, /MIGH/);
    return true;
  });
});

/** Sends `text` with openssl; the client ends when the listener closes, or when all is sent. */
async function sendByTls(port: number, text: string, args: readonly string[]): Promise<void> {
  const client = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", "ca.crt", "-quiet", "-no_ign_eof", ...args],
    cwd: certificates,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const input = client.stdin.getWriter();
  // A client that was refused may be gone before it has taken its input.
  await input.write(new TextEncoder().encode(text)).then(() => input.close()).catch(() => {});
  await client.status;
}

const shown = (name: string) => ["-cert", `${name}.crt`, "-key", "client.key"];
const clients: [mode: "encrypted" | "authenticated", who: string, args: string[], isTaken: boolean][] = [
  ["encrypted", "a client without a certificate", [], true],
  ["encrypted", "a client with one", shown("client"), true],
  ["authenticated", "a client without a certificate", [], false],
  ["authenticated", "a client with one of the authority", shown("client"), true],
  ["authenticated", "a client with one of another authority of that name", shown("foreign"), false],
  ["authenticated", "a client with an expired one", shown("expired"), false],
];

for (const version of ["-tls1_2", "-tls1_3"]) {
  for (const [mode, who, args, isTaken] of clients) {
    leakFreeTest(`an ${mode} listener ${isTaken ? "serves" : "refuses"} ${who}, ${version}`, async () => {
      const { heart, settings, deps, limit } = rig();
      const tls = readTlsSettings(keys(...server, mode === "authenticated" ? pem("ca.crt") : ""));
      await using listener = await startStreamListener(at("tcp://127.0.0.1:0"), { ...settings, tls }, deps);
      await sendByTls(listener.address.port, "a:1|c\nb:2|c\n", [version, ...args]);
      await until(() => heart.stats[At.tcpDisconnects] === 1, "the connection is closed");
      assert.deepEqual(heart.lines, isTaken ? ["a:1|c", "b:2|c"] : []);
      assert.equal(heart.stats[At.tlsFailures], isTaken ? 0 : 1);
      assert.equal(heart.stats[At.bytes], isTaken ? 12 : 0);
      assert.equal(heart.stats[At.tcpConnects], 1);
      assert.equal(limit.open, 0);
    }, skipped);
  }
}

leakFreeTest("a TLS listener closes at a refused line, and takes a last line without LF", async () => {
  const { heart, settings, deps } = rig();
  const tls = readTlsSettings(keys(...server));
  await using listener = await startStreamListener(at("tcp://127.0.0.1:0"), { ...settings, tls }, deps);
  await sendByTls(listener.address.port, "a:1|c\nbad\nb:1|c\n", []);
  await sendByTls(listener.address.port, "c:1|c", []);
  await until(() => heart.stats[At.tcpDisconnects] === 2, "both are closed");
  assert.deepEqual(heart.lines, ["a:1|c", "c:1|c"]);
  assert.equal(rejectedLines(heart.stats), 1);
  assert.equal(heart.stats[At.tlsFailures], 0);
}, skipped);

leakFreeTest("a TLS listener refuses plain text, and a client that says nothing", async () => {
  const { heart, clock, settings, deps, limit, log } = rig();
  const tls = readTlsSettings(keys(...server, pem("ca.crt")));
  const timed = { ...settings, tls, idleTimeoutMs: 1_000 };
  await using listener = await startStreamListener(at("tcp://127.0.0.1:0"), timed, deps);
  const plain = await connect(listener.address);
  await send(plain, "a:1|c\n");
  await until(() => heart.stats[At.tlsFailures] === 1, "it is refused");
  plain.close();
  const gone = await connect(listener.address);
  gone.close();
  await until(() => heart.stats[At.tlsFailures] === 2, "its going is noticed");
  const silent = await connect(listener.address);
  const dripping = await connect(listener.address);
  await until(() => limit.open === 2, "they are accepted");
  await clock.advance(600);
  await send(dripping, Uint8Array.of(0x16, 0x03)); // a handshake's first bytes
  await clock.advance(399);
  assert.equal(heart.stats[At.tlsFailures], 2);
  await clock.advance(1);
  await closedByPeer(silent);
  await closedByPeer(dripping);
  await until(() => heart.stats[At.tlsFailures] === 4, "both are counted");
  assert.deepEqual([heart.stats[At.tcpConnects], heart.stats[At.tcpDisconnects]], [4, 4]);
  assert.deepEqual(heart.lines, []);
  assert.match(log[0]!, /^debug: tcp:.*: Cannot agree on TLS with a client: /);
  assert.ok(log.some((line) => line.endsWith("Closed a connection: no TLS handshake was completed")));
}, skipped);

leakFreeTest(
  "a TLS listener that stops reads what has arrived, and counts an open handshake as no failure",
  async () => {
    const { heart, settings, deps } = rig();
    const tls = readTlsSettings(keys(...server, pem("ca.crt")));
    const listener = await startStreamListener(at("tcp://127.0.0.1:0"), { ...settings, tls }, deps);
    const undecided = await connect(listener.address);
    const client = await Deno.connectTls({
      hostname: "127.0.0.1",
      port: listener.address.port,
      caCerts: [pem("ca.crt")],
      cert: pem("client.crt"),
      key: pem("client.key"),
    });
    await client.handshake();
    await send(client, "a:1|c\n".repeat(1_000));
    await listener[Symbol.asyncDispose]();
    assert.equal(heart.lines.length, 1_000);
    assert.equal(heart.stats[At.tlsFailures], 0);
    assert.equal(heart.stats[At.tcpDisconnects], 2);
    await closedByPeer(undecided);
    client.close();
  },
  skipped,
);
