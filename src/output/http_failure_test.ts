import assert from "node:assert/strict";
import type { DeliveryFailure } from "./contract.ts";
import { fetchFailure, retryAfterMs, statusFailure } from "./http_failure.ts";

const statuses: [failure: DeliveryFailure, statuses: number[]][] = [
  ["configuration", [300, 301, 302, 307, 308, 401, 403, 404, 405, 407, 415, 501]],
  ["permanent", [400, 402, 406, 409, 410, 418, 422, 431, 204]],
  ["retry", [408, 500, 502, 503, 504, 507, 599]],
  ["too_large", [413]],
  ["throttle", [429]],
];
for (const [failure, list] of statuses) {
  for (const status of list) {
    Deno.test(`statusFailure() takes ${status} for ${failure}`, () => {
      const error = statusFailure(status, new Headers(), "dd:443");
      assert.deepEqual([error.failure, error.label, error.options.status], [failure, String(status), status]);
      assert.match(error.message, /^Cannot deliver to dd:443: it answered \d+; /);
    });
  }
}

const DATE = "Tue, 14 Nov 2023 22:13:30 GMT";
const waits: [header: string | null, date: string | null, ms: number | undefined][] = [
  ["7", null, 7_000],
  ["0", null, 0],
  ["86400", null, 600_000],
  ["-5", null, undefined],
  ["soon", null, undefined],
  ["1.5", null, undefined],
  ["", null, undefined],
  [null, null, undefined],
  ["Tue, 14 Nov 2023 22:13:40 GMT", DATE, 10_000],
  ["Tue, 14 Nov 2023 23:13:40 GMT", DATE, 600_000],
  ["Tue, 14 Nov 2023 22:13:20 GMT", DATE, undefined], // past
  ["Tue, 14 Nov 2023 22:13:40 GMT", null, undefined], // relative to what?
];
for (const [header, date, ms] of waits) {
  Deno.test(`retryAfterMs() reads ${header} at ${date}`, () => {
    const headers = new Headers();
    if (header !== null) headers.set("retry-after", header);
    if (date !== null) headers.set("date", date);
    assert.equal(retryAfterMs(headers), ms);
    assert.equal(statusFailure(503, headers, "h").options.retryAfterMs, ms);
  });
}

const URL_TEXT = "https://dd.example/api/v1/series?api_key=SECRET";
const sending = (what: string) =>
  new TypeError("fetch failed", { cause: new Error(`error sending request for url (${URL_TEXT}): ${what}`) });
const errors: [error: unknown, failure: DeliveryFailure, label: string][] = [
  [sending("client error (Connect): tcp connect error: Connection refused (os error 111)"), "connection", "io"],
  [sending("client error (Connect): dns error: failed to lookup address information"), "connection", "dns"],
  [sending("client error (Connect): tcp connect error: No route to host (os error 113)"), "connection", "io"],
  [sending("client error (Connect): invalid peer certificate: UnknownIssuer"), "configuration", "io"],
  [
    sending('client error (Connect): invalid peer certificate: certificate not valid for name "a"'),
    "configuration",
    "io",
  ],
  [sending("client error (Connect): received corrupt message of type InvalidContentType"), "configuration", "io"],
  [sending("client error (Connect): received fatal alert: CertificateRequired"), "configuration", "io"],
  [sending("client error (SendRequest): connection closed before message completed"), "ambiguous", "io"],
  [sending("client error (SendRequest): connection error: Connection reset by peer (os error 104)"), "ambiguous", "io"],
  [new TypeError("Fetch failed: Requests to port 1 are blocked"), "connection", "io"],
  [Object.assign(new Error("no"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" }), "configuration", "io"],
  [Object.assign(new Error("no"), { code: "ENOTFOUND" }), "connection", "dns"],
  ["not even an error", "ambiguous", "io"],
];
for (const [error, failure, label] of errors) {
  const text = error instanceof Error ? (error.cause as Error | undefined)?.message ?? error.message : String(error);
  Deno.test(`fetchFailure() takes "${text.replace(URL_TEXT, "URL")}" for ${failure}`, () => {
    const failed = fetchFailure(error, "dd:443", false);
    assert.deepEqual([failed.failure, failed.label], [failure, label]);
    assert.ok(!/SECRET|api_key/.test(Deno.inspect(failed)));
    assert.equal(fetchFailure(error, "dd:443", true).failure, "ambiguous");
  });
}

Deno.test("fetchFailure() is not misled by words in the URL", () => {
  const error = new TypeError("fetch failed", {
    cause: new Error(
      "error sending request for url (http://refused.dns/dnserror?CERT=1): client error (SendRequest): x",
    ),
  });
  assert.equal(fetchFailure(error, "h", false).failure, "ambiguous");
});
