import assert from "node:assert/strict";
import { newRedactor } from "./redactor.ts";

const rows: [secrets: string[], text: string, redacted: string][] = [
  [["secret"], "a secret, secrets", "a REDACTED, REDACTEDs"],
  [["abc", "abcdef"], "abcdef abc", "REDACTED REDACTED"],
  [["abcdef", "abc"], "abcdef abc", "REDACTED REDACTED"],
  [["a b&c"], "?key=a%20b%26c", "?key=REDACTED"],
  [['q"q'], '{"k":"q\\"q"}', '{"k":"REDACTED"}'],
  [
    ["-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\nshort\n-----END KEY-----"],
    "bad line MIIEvQIBADANBgkqh",
    "bad line REDACTED",
  ],
  [["-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\n-----END KEY-----"], "-----BEGIN KEY-----", "-----BEGIN KEY-----"],
  [[""], "nothing", "nothing"],
  [[], "nothing", "nothing"],
  [["a.c"], "abc a.c", "abc REDACTED"],
  [["\ud800x"], "\ud800x", "REDACTED"],
];
for (const [secrets, text, redacted] of rows) {
  Deno.test(`newRedactor() knowing ${JSON.stringify(secrets)} turns ${JSON.stringify(text)} into ${redacted}`, () => {
    const redactor = newRedactor();
    for (const secret of secrets) redactor.add(secret);
    assert.equal(redactor.redact(text), redacted);
  });
}
