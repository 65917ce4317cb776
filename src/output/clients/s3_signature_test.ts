import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { batchOf, forever, outputConfig, testDeps } from "../testing.ts";
import { s3 } from "./s3.ts";

const SECRET = "s3cr3t/+key";

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, data: string) => createHmac("sha256", key).update(data).digest();

/** The signature of a request as it arrived (AWS Signature Version 4, "Create a signed AWS API request"). */
function signatureOf(request: IncomingMessage, signedHeaders: string, scope: string): string {
  const [path, query = ""] = request.url!.split("?");
  const header = (name: string) => String(request.headers[name]).trim().replace(/ +/g, " ");
  const canonical = [
    request.method,
    path,
    query.split("&").sort().join("&"),
    ...signedHeaders.split(";").map((name) => `${name}:${header(name)}`),
    "",
    signedHeaders,
    header("x-amz-content-sha256"),
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", header("x-amz-date"), scope, sha256(canonical)].join("\n");
  const key = scope.split("/").reduce<string | Uint8Array>(hmac, `AWS4${SECRET}`);
  return hmac(key, toSign).toString("hex");
}

/** Puts a batch to a real server; what it met. */
async function put(
  hostname: string,
  events: readonly string[],
): Promise<{ request: IncomingMessage; body: Uint8Array }> {
  const { promise, resolve } = Promise.withResolvers<{ request: IncomingMessage; body: Uint8Array }>();
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      response.writeHead(200, { connection: "close" }).end();
      resolve({ request, body: Buffer.concat(chunks) });
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const section = { bucket: "metrics", access_key_id: "ID", secret_access_key: SECRET, hostname };
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const own = s3.readConfig(Section.of(section));
  const client = s3.newClient(host, outputConfig(), own, testDeps(fetch, realClock));
  await client.connect(0);
  const { error } = await client.publish(batchOf("points", ...events), forever);
  assert.equal(error, undefined);
  await client.close();
  await new Promise((closed) => server.close(closed));
  return await promise;
}

const large = Array.from({ length: 40 }, () => crypto.getRandomValues(new Uint8Array(50_000)).toHex());
const cases: [hostname: string, events: readonly string[], why: string][] = [
  ["web1", ["row"], "a plain name"],
  ["web 1 (a+b)!*'~é", ["row"], "a name that must be escaped"],
  ["web1", large, "two megabytes"],
];
for (const [hostname, events, why] of cases) {
  Deno.test(`s3 signs what arrives, with ${why}`, async () => {
    const { request, body } = await put(hostname, events);
    const authorization = /^AWS4-HMAC-SHA256 Credential=ID\/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/
      .exec(request.headers.authorization!);
    const [, scope, signedHeaders, signature] = authorization!;
    assert.match(scope!, /^\d{8}\/us-east-1\/s3\/aws4_request$/);
    assert.ok(signedHeaders!.split(";").includes("host"));
    assert.equal(signature, signatureOf(request, signedHeaders!, scope!));
    assert.equal(request.headers["x-amz-content-sha256"], sha256(body));
    assert.equal(request.headers["content-length"], String(body.length));
    assert.equal(request.headers["transfer-encoding"], undefined);
  });
}
