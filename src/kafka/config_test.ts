import assert from "node:assert/strict";
import { ConfigError, redact, Section } from "../config/mod.ts";
import { readSasl, saslKeys } from "./config.ts";

const OAUTH = {
  mechanism: "OAUTHBEARER",
  username: "limier",
  password: "s3cr3t",
  oauth_token_url: "https://idp/token",
};

const accepted: [section: object, sasl: object | undefined][] = [
  [{}, undefined],
  [{ oauth_token_url: "", oauth_scopes: [] }, undefined],
  [{ username: "u", password: "p" }, { mechanism: "PLAIN", username: "u", password: "p" }],
  [{ username: "u", password: "p", oauth_token_url: "", oauth_scopes: [] }, {
    mechanism: "PLAIN",
    username: "u",
    password: "p",
  }],
  [{ mechanism: "SCRAM-SHA-512", username: "u", password: "p" }, {
    mechanism: "SCRAM-SHA-512",
    username: "u",
    password: "p",
  }],
  [OAUTH, oauth({})],
  [{ ...OAUTH, mechanism: "oauth" }, oauth({})],
  [{ ...OAUTH, oauth_scopes: [] }, oauth({})],
  [
    { ...OAUTH, oauth_scopes: ["kafka", "https://kafka.example/.default", "a"] },
    oauth({
      scopes: ["kafka", "https://kafka.example/.default", "a"],
    }),
  ],
  [
    { ...OAUTH, oauth_token_url: "http://127.0.0.1:8080/realms/x/token?a=b" },
    oauth({
      tokenUrl: "http://127.0.0.1:8080/realms/x/token?a=b",
    }),
  ],
];
for (const [section, sasl] of accepted) {
  Deno.test(`readSasl() reads ${JSON.stringify(section)}`, () => assert.deepEqual(readSasl(Section.of(section)), sasl));
}

function oauth(fields: object): object {
  const { mechanism, username, password, oauth_token_url: tokenUrl } = OAUTH;
  return { mechanism, username, password, tokenUrl, scopes: [], ...fields };
}

const refused: [section: object, message: RegExp][] = [
  [{ ...OAUTH, mechanism: "bearer" }, /mechanism = "bearer": write PLAIN, .*, OAUTHBEARER or oauth/],
  [{ ...OAUTH, mechanism: "PLAIN" }, /mechanism = "PLAIN": write OAUTHBEARER, which the keys oauth_… are for/],
  [{ ...OAUTH, mechanism: undefined }, /write OAUTHBEARER/],
  [{ oauth_token_url: "https://idp/token" }, /username/],
  [{ oauth_scopes: ["a"] }, /username/],
  [{ ...OAUTH, username: "" }, /username/],
  [{ ...OAUTH, password: undefined }, /password.*password_file/],
  [{ ...OAUTH, oauth_token_url: undefined }, /oauth_token_url.*an http or https URL/],
  [{ ...OAUTH, oauth_token_url: "idp/token" }, /oauth_token_url/],
  [{ ...OAUTH, oauth_token_url: "file:///token" }, /oauth_token_url/],
  [{ ...OAUTH, oauth_token_url: "https://idp/token#x" }, /without credentials and fragment/],
  [{ ...OAUTH, oauth_token_url: 1 }, /oauth_token_url/],
  [{ ...OAUTH, oauth_scopes: "kafka" }, /oauth_scopes.*a list/],
  [{ ...OAUTH, oauth_scopes: ["a b"] }, /each without spaces and quotes/],
  [{ ...OAUTH, oauth_scopes: ['a"'] }, /oauth_scopes/],
  [{ ...OAUTH, oauth_scopes: [""] }, /oauth_scopes/],
  [{ ...OAUTH, oauth_scope: ["a"] }, /oauth_scopes/],
];
for (const [section, message] of refused) {
  Deno.test(`readSasl() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(
      () => readSasl(Section.of(section)),
      (error) => error instanceof ConfigError && message.test(error.message) && !error.message.includes("s3cr3t"),
    );
  });
}

Deno.test("readSasl() refuses a token URL with credentials, and does not show them", () => {
  assert.throws(() => readSasl(Section.of({ ...OAUTH, oauth_token_url: "https://u:h1dden@idp/token" })), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /without credentials/);
    assert.doesNotMatch(error.message, /h1dden/);
    return true;
  });
});

Deno.test("readSasl() reads the client's secret from a file", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "of the file\n");
  const { password: _, ...others } = OAUTH;
  assert.deepEqual(readSasl(Section.of({ ...others, password_file: file })), oauth({ password: "of the file" }));
  await Deno.remove(file);
});

Deno.test("saslKeys() are what reads as the same, and the secret is known as one", () => {
  const sasl = readSasl(Section.of({ ...OAUTH, oauth_scopes: ["a", "b"] }))!;
  assert.deepEqual(readSasl(Section.of(saslKeys(sasl))), sasl);
  assert.deepEqual(redact(saslKeys(sasl)), { ...OAUTH, password: "REDACTED", oauth_scopes: ["a", "b"] });
});
