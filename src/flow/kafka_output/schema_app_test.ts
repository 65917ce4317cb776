import assert from "node:assert/strict";
import { resolveSchema } from "../store/mod.ts";
import { enrichedMessage } from "./message.ts";
import { newEnrichedSchemaApp, SCHEMA_PATH } from "./schema_app.ts";

const { proto } = enrichedMessage(resolveSchema().ingested);

const answers: [what: string, text: string | undefined, status: number, body: RegExp][] = [
  ["the definition", proto, 200, /^syntax = "proto3";\n\nmessage FlowMessagevMTDNFXMJ7IXQ2HJUACJ5J5IUOY \{\n/],
  ["that the output is off", "", 404, /^\{"message":".*flow\.outlet\.kafka_output\.enabled/],
  ["that it has to wait", undefined, 503, /^\{"message":".*start or stop/],
];
for (const [what, text, status, body] of answers) {
  Deno.test(`newEnrichedSchemaApp() says ${what}`, async () => {
    const answer = await newEnrichedSchemaApp({ proto: () => text }).request(SCHEMA_PATH);
    assert.equal(answer.status, status);
    assert.match(await answer.text(), body);
    assert.equal(answer.headers.get("content-type")?.startsWith(text ? "text/plain" : "application/json"), true);
  });
}

Deno.test("newEnrichedSchemaApp() has no page of another name or method", async () => {
  const app = newEnrichedSchemaApp({ proto: () => proto });
  assert.equal((await app.request(`${SCHEMA_PATH}3`)).status, 404);
  assert.equal((await app.request(SCHEMA_PATH, { method: "POST" })).status, 404);
});
