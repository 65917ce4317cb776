import assert from "node:assert/strict";
import { isSecretName, redact, redactText } from "./redact.ts";

for (
  const name of [
    "key",
    "tls_key",
    "api-key",
    "datadog_api_key",
    "password",
    "token",
    "bearer_token",
    "secret",
    "secret_access_key",
    "secrets",
    "access_key_id",
    "sentry_dsn",
    "KEY",
    "authorization",
    "credentials",
  ]
) {
  Deno.test(`isSecretName() says so of ${name}`, () => assert.ok(isSecretName(name)));
}
for (const name of ["key_file", "password_file", "keys", "monkey", "hosts", "tokens_per_second", "dsn_count", ""]) {
  Deno.test(`isSecretName() denies it of "${name}"`, () => assert.ok(!isSecretName(name)));
}

Deno.test("redact() hides secrets at every depth, and shows that they are not set", () => {
  const settings = {
    outputs: [{ name: "dd", key: "abc", hosts: ["https://u:pw@h/x?api_key=abc&y=1"] }, { key: "" }, { key: null }],
    tls: { key_file: "/k.pem", password: { nested: "abc" } },
  };
  assert.deepEqual(redact(settings), {
    outputs: [
      { name: "dd", key: "REDACTED", hosts: ["https://u:REDACTED@h/x?api_key=REDACTED&y=1"] },
      { key: "" },
      { key: null },
    ],
    tls: { key_file: "/k.pem", password: "REDACTED" },
  });
  assert.equal(settings.outputs[0]!.key, "abc", "the settings themselves stay");
});

const texts: [text: string, shown: string][] = [
  ["plain:text@here", "plain:text@here"],
  ["https://public:secret@sentry.io/1", "https://public:REDACTED@sentry.io/1"],
  ["https://user@host/", "https://user@host/"],
  ["http://h/a:b@c", "http://h/a:b@c"],
  ["http://h/?token=t#f", "http://h/?token=REDACTED#f"],
];
for (const [text, shown] of texts) {
  Deno.test(`redactText() shows ${text} as ${shown}`, () => assert.equal(redactText(text), shown));
}
