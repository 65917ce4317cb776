import assert from "node:assert/strict";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { readImportBody } from "./import_body.ts";

const utf8 = new TextEncoder();
const BODY = '[{"name":"a","type":"counter","value":"CgAAAAAAAAA="}]';

for (const encoding of ["", "identity", "deflate"]) {
  Deno.test(`readImportBody() reads a body of encoding "${encoding}"`, () => {
    const bytes = encoding === "deflate" ? new Uint8Array(deflateSync(BODY)) : utf8.encode(BODY);
    const read = readImportBody(bytes, encoding);
    assert.ok("series" in read);
    assert.deepEqual(read.series.map(({ name, value }) => [name, value]), [["a", { type: "counter", total: 10n }]]);
  });
}

const refused: [what: string, body: Uint8Array, encoding: string, status: number, cause: string][] = [
  ["gzip", gzipSync(BODY), "gzip", 415, "unknown_content_encoding"],
  ["deflate that is none", utf8.encode(BODY), "deflate", 400, "deflate"],
  ["raw deflate", deflateRawSync(BODY), "deflate", 400, "deflate"],
  ["deflate cut off", deflateSync(BODY).subarray(0, 20), "deflate", 400, "deflate"],
  ["what inflates without end", deflateSync(new Uint8Array(513 * 1024 * 1024)), "deflate", 413, "toolarge"],
  ["text", utf8.encode("hello"), "", 400, "json"],
  ["an empty array", utf8.encode("[]"), "", 400, "empty"],
];
for (const [what, body, encoding, status, cause] of refused) {
  Deno.test(`readImportBody() refuses ${what}`, () => {
    const read = readImportBody(body, encoding);
    assert.ok("status" in read);
    assert.deepEqual([read.status, read.cause], [status, cause]);
  });
}
