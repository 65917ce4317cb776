import assert from "node:assert/strict";
import { ConfigError, Section } from "../../config/mod.ts";
import { authorizationHeader, readAuthorization, readHeaders } from "./http_headers.ts";

Deno.test("readHeaders() reads a map of texts", () => {
  const section = Section.of({ headers: { "X-Scope-OrgID": "demo", "x-env": "prod" } });
  assert.deepEqual(readHeaders(section, ["content-type"]), { "X-Scope-OrgID": "demo", "x-env": "prod" });
  assert.deepEqual(readHeaders(Section.of({}), []), {});
});

const badHeaders: [headers: unknown, message: RegExp][] = [
  [{ "Content-Type": "x" }, /headers.*Content-Type.*set already/],
  [{ "a b": "x" }, /headers/],
  [{ "": "x" }, /headers/],
  [{ "x-a": "1\r\nx-b: 2" }, /headers.*one line/],
  [{ "x-a": "ł" }, /headers/],
  [["x-a"], /headers.*a map/],
];
for (const [headers, message] of badHeaders) {
  Deno.test(`readHeaders() refuses ${JSON.stringify(headers)}`, () => {
    assert.throws(
      () => readHeaders(Section.of({ headers }), ["content-type"]),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}

const authorizations: [section: object, header: object][] = [
  [{}, {}],
  [{ authorization: { credentials: "abc" } }, { Authorization: "Bearer abc" }],
  [{ authorization: { type: "Token", credentials: "abc" } }, { Authorization: "Token abc" }],
  [{ basic_auth: { username: "me", password: "pä:ss" } }, { Authorization: "Basic bWU6cMOkOnNz" }],
  [{ basic_auth: { username: "me", password: "" } }, { Authorization: "Basic bWU6" }],
];
for (const [section, header] of authorizations) {
  Deno.test(`readAuthorization() reads ${JSON.stringify(section)}`, () => {
    assert.deepEqual(authorizationHeader(readAuthorization(Section.of(section))), header);
  });
}

const refused: [section: object, message: RegExp][] = [
  [
    { authorization: { credentials: "a" }, basic_auth: { username: "u", password: "p" } },
    /either basic_auth or authorization/,
  ],
  [{ hosts: ["http://u:p@h"], basic_auth: { username: "u", password: "p" } }, /hosts/],
  [{ hosts: ["http://u:p@h"], authorization: { credentials: "a" } }, /hosts/],
  [{ authorization: {} }, /credentials/],
  [{ authorization: { type: "Bearer" } }, /credentials/],
  [{ authorization: { credentials: "" } }, /credentials/],
  [{ authorization: { credentials: "a\nb" } }, /credentials/],
  [{ authorization: { type: "a b", credentials: "x" } }, /type/],
  [{ authorization: { token: "x" } }, /token/],
  [{ authorization: "Bearer x" }, /authorization/],
  [{ basic_auth: { username: "u" } }, /password/],
  [{ basic_auth: { password: "p" } }, /username/],
  [{ basic_auth: { username: "a:b", password: "p" } }, /username/],
  [{ basic_auth: { user: "u" } }, /user/],
];
for (const [section, message] of refused) {
  Deno.test(`readAuthorization() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(
      () => readAuthorization(Section.of(section)),
      (error) => error instanceof ConfigError && message.test(error.message) && !/Bearer x|a\nb/.test(error.message),
    );
  });
}
