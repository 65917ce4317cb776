import assert from "node:assert/strict";
import { readTlsFiles } from "./tls_files.ts";
import { newTestAuthority } from "./test_certificates.ts";

const authority = await newTestAuthority("Limier test authority");
const own = await authority.issue("server");
const other = await authority.issue("other");

/** Writes what is given under the names of the settings, and reads it. */
async function read(texts: { cert?: string; key?: string; ca?: string }) {
  const directory = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(texts)) await Deno.writeTextFile(`${directory}/${name}`, text);
    const clientCaFile = texts.ca === undefined ? {} : { clientCaFile: `${directory}/ca` };
    return await readTlsFiles({ certFile: `${directory}/cert`, keyFile: `${directory}/key`, ...clientCaFile });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("readTlsFiles() reads a certificate, its key and an authority", async () => {
  assert.deepEqual(await read(own), own);
  assert.deepEqual(await read({ ...own, ca: authority.cert }), { ...own, clientCa: authority.cert });
});

const refused: [what: string, texts: { cert?: string; key?: string; ca?: string }, message: RegExp][] = [
  ["no certificate", { key: own.key }, /cert/],
  ["no key", { cert: own.cert }, /key/],
  ["another's key", { cert: own.cert, key: other.key }, /the key in .*key is not that of .*cert$/],
  ["a certificate for a key", { cert: own.cert, key: own.cert }, /key can't be used: /],
  ["noise for a certificate", { cert: "noise", key: own.key }, /cert can't be used: /],
  ["an empty authority", { ...own, ca: "" }, /ca can't be used: /],
  ["a key for an authority", { ...own, ca: own.key }, /ca can't be used: /],
];
for (const [what, texts, message] of refused) {
  Deno.test(`readTlsFiles() refuses ${what}`, () => assert.rejects(read(texts), message));
}

Deno.test("readTlsFiles() shows no key in what it throws", async () => {
  const broken = own.key.replace("BEGIN PRIVATE KEY", "BEGIN PRIVATE");
  await assert.rejects(read({ cert: own.cert, key: broken }), (error: Error) => {
    const line = own.key.split("\n")[1]!;
    return !error.message.includes(line);
  });
});
