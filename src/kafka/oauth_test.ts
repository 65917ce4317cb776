import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import { freePort, until } from "../testing/mod.ts";
import { KafkaError, type KafkaErrorCode } from "./errors.ts";
import { newTokenSource, tokenSourceOf } from "./oauth.ts";
import type { OauthSasl } from "./options.ts";
import { startTokenServer, type TokenServer } from "./testing_token_server.ts";

const SECRET = "sécret: &more+";
const SECRET_ENCODED = "s%C3%A9cret%3A+%26more%2B";
const CREDENTIALS = btoa(`limier%2Fa+b:${SECRET_ENCODED}`);

function setUp(server: Pick<TokenServer, "url">, config: Partial<OauthSasl> = {}) {
  const clock = new FakeClock(1_700_000_000_000);
  const sasl = { mechanism: "OAUTHBEARER", username: "limier/a b", password: SECRET, tokenUrl: server.url } as const;
  const token = newTokenSource({ ...sasl, scopes: [], ...config }, { clock, timeoutMs: 5_000 });
  return { clock, token };
}

const granted = (fields: object = {}) => Response.json({ access_token: "t", token_type: "Bearer", ...fields });

async function refused(promise: Promise<unknown>, code: KafkaErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof KafkaError, String(error));
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
    const shown = Deno.inspect(error, { depth: 10 });
    for (const secret of [SECRET, SECRET_ENCODED, CREDENTIALS]) assert.ok(!shown.includes(secret), shown);
    return true;
  });
}

Deno.test("newTokenSource() asks as RFC 6749 wants it", async () => {
  await using server = startTokenServer(() => granted({ expires_in: 60 }));
  const { token, clock } = setUp(server, { scopes: ["kafka", "read:flows"] });
  assert.equal(await token(), "t");
  const [{ method, headers, form }] = server.asked as [TokenServer["asked"][number]];
  assert.equal(method, "POST");
  assert.equal(headers.get("content-type"), "application/x-www-form-urlencoded");
  assert.equal(headers.get("authorization"), `Basic ${CREDENTIALS}`);
  assert.deepEqual(form, { grant_type: "client_credentials", scope: "kafka read:flows" });
  assert.equal(clock.sleeping, 0);
});

Deno.test("newTokenSource() names no scope where none is wanted", async () => {
  await using server = startTokenServer(() => granted());
  await setUp(server).token();
  assert.deepEqual(server.asked[0]?.form, { grant_type: "client_credentials" });
});

const kept: [answer: object, forS: number][] = [
  [{ expires_in: 3600 }, 3510],
  [{ expires_in: 100 }, 80],
  [{ expires_in: "100" }, 80],
  [{}, 48],
  [{ expires_in: null }, 48],
  [{ expires_in: 5, token_type: "bearer" }, 4],
  [{ expires_in: 5, token_type: undefined }, 4],
];
for (const [answer, forS] of kept) {
  Deno.test(`newTokenSource() keeps the token of ${JSON.stringify(answer)} for ${forS} s`, async () => {
    await using server = startTokenServer((index) => granted({ ...answer, access_token: `t${index}` }));
    const { clock, token } = setUp(server);
    assert.equal(await token(), "t0");
    await clock.advance(forS * 1000 - 1);
    assert.equal(await token(), "t0");
    await clock.advance(1);
    assert.equal(await token(), "t1");
  });
}

Deno.test("newTokenSource() keeps no token that expires at once", async () => {
  await using server = startTokenServer((index) => granted({ expires_in: 0, access_token: `t${index}` }));
  const { token } = setUp(server);
  assert.deepEqual([await token(), await token()], ["t0", "t1"]);
});

Deno.test("newTokenSource() asks once for all who ask at the same time", async () => {
  await using server = startTokenServer((index) => granted({ access_token: `t${index}` }));
  const { token } = setUp(server);
  assert.deepEqual(await Promise.all([token(), token(), token()]), ["t0", "t0", "t0"]);
  assert.equal(server.asked.length, 1);
});

Deno.test("newTokenSource() asks again after an error, and tells all who asked of it", async () => {
  await using server = startTokenServer((index) => index === 0 ? new Response(null, { status: 503 }) : granted());
  const { token } = setUp(server);
  const results = await Promise.allSettled([token(), token()]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected"]);
  assert.equal(await token(), "t");
  assert.equal(server.asked.length, 2);
});

Deno.test("newTokenSource() has another for a token that is refused, unless that is new", async () => {
  await using server = startTokenServer((index) => granted({ expires_in: 3600, access_token: `t${index}` }));
  const { clock, token } = setUp(server);
  assert.equal(await token(), "t0");
  await clock.advance(9_999);
  assert.equal(await token("t0"), "t0");
  await clock.advance(1);
  assert.deepEqual(await Promise.all([token("t0"), token("t0")]), ["t1", "t1"]);
  assert.equal(await token("t0"), "t1");
  assert.equal(server.asked.length, 2);
});

const oauthError = (status: number, error: string, description?: string) =>
  Response.json({ error, error_description: description }, { status });

const faults: [why: string, answer: () => Response, code: KafkaErrorCode, message: RegExp][] = [
  [
    "an unknown client",
    () => oauthError(401, "invalid_client", "Unknown client"),
    "kafka.authentication",
    /http:\/\/127\.0\.0\.1:\d+\/token for the client limier\/a b: it answered 401 \(invalid_client: Unknown client\); check username and password/,
  ],
  [
    "400 for the client",
    () => oauthError(400, "invalid_client"),
    "kafka.authentication",
    /check username and password/,
  ],
  ["a scope that is none", () => oauthError(400, "invalid_scope"), "kafka.authentication", /400.*check oauth_scopes/],
  ["another grant only", () => oauthError(400, "unauthorized_client"), "kafka.authentication", /grant client_credent/],
  [
    "a bad request",
    () => oauthError(400, "invalid_request"),
    "kafka.authentication",
    /invalid_request.*oauth_token_url/,
  ],
  [
    "an error that quotes the secret",
    () => oauthError(400, "invalid_request", `${SECRET} ${SECRET_ENCODED} ${CREDENTIALS}`),
    "kafka.authentication",
    /invalid_request: REDACTED REDACTED REDACTED/,
  ],
  [
    "an error of many lines",
    () => oauthError(400, "a\r\nb\x1b[2J", "x".repeat(1000)),
    "kafka.authentication",
    /a\?b\?\[2J/,
  ],
  [
    "an error that is no text",
    () => Response.json({ error: { a: 1 } }, { status: 400 }),
    "kafka.authentication",
    /400;/,
  ],
  ["401 without more", () => new Response("no", { status: 401 }), "kafka.authentication", /401; check username/],
  ["a forbidden client", () => new Response("no", { status: 403 }), "kafka.authentication", /403; check username/],
  [
    "no such page",
    () => new Response("no", { status: 404 }),
    "kafka.authentication",
    /404; check that oauth_token_url/,
  ],
  ["an empty answer", () => new Response(null, { status: 204 }), "kafka.authentication", /204; check that oauth_token/],
  [
    "a redirect",
    () => new Response(null, { status: 307, headers: { Location: "http://127.0.0.1:1/" } }),
    "kafka.authentication",
    /307.*not followed; set oauth_token_url/,
  ],
  ["too many requests", () => new Response(null, { status: 429 }), "kafka.connect", /429/],
  ["500", () => new Response("oops", { status: 500 }), "kafka.connect", /500; see its log/],
  ["a pause", () => oauthError(400, "temporarily_unavailable"), "kafka.connect", /temporarily_unavailable/],
  ["a page", () => new Response("<html>"), "kafka.authentication", /no JSON object; check that oauth_token_url/],
  ["a list", () => Response.json([]), "kafka.authentication", /no JSON object/],
  ["null", () => Response.json(null), "kafka.authentication", /no JSON object/],
  ["no text at all", () => new Response(new Uint8Array([0x22, 0xff, 0x22])), "kafka.authentication", /no JSON object/],
  ["nothing", () => new Response(null), "kafka.authentication", /no JSON object/],
  ["no token", () => Response.json({ token_type: "Bearer" }), "kafka.authentication", /no access_token/],
  ["an empty token", () => granted({ access_token: "" }), "kafka.authentication", /no access_token/],
  ["a token that is a number", () => granted({ access_token: 1 }), "kafka.authentication", /no access_token/],
  ["a token of two lines", () => granted({ access_token: "a\x01b" }), "kafka.authentication", /letters/],
  ["a token in parts", () => granted({ access_token: "a=b" }), "kafka.authentication", /letters/],
  ["a token of another type", () => granted({ token_type: "mac" }), "kafka.authentication", /token_type/],
  ["a token of no type", () => granted({ token_type: 1 }), "kafka.authentication", /token_type/],
  ["a lifetime in words", () => granted({ expires_in: "soon" }), "kafka.authentication", /expires_in/],
  ["a lifetime that is over", () => granted({ expires_in: -1 }), "kafka.authentication", /expires_in/],
  ["half a second", () => granted({ expires_in: 0.5 }), "kafka.authentication", /expires_in/],
  ["a lifetime beyond numbers", () => granted({ expires_in: 1e300 }), "kafka.authentication", /expires_in/],
  ["an endless answer", () => new Response(endless()), "kafka.authentication", /longer than 262144 octets/],
  ["an endless error", () => new Response(endless(), { status: 400 }), "kafka.authentication", /longer than/],
];
for (const [why, answer, code, message] of faults) {
  Deno.test(`newTokenSource() says what is wrong with ${why}`, async () => {
    await using server = startTokenServer(answer);
    const { clock, token } = setUp(server);
    await refused(token(), code, message);
    assert.deepEqual([server.asked.length, clock.sleeping], [1, 0]);
  });
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(16_384).fill(0x20)) });
}

const unreachable: [why: string, url: string, code: KafkaErrorCode, message: RegExp][] = [
  ["refuses connections", `http://127.0.0.1:${freePort()}/token`, "kafka.connect", /refused the connection/],
  ["has no address", "http://nowhere.invalid/token", "kafka.connect", /does not resolve/],
];
for (const [why, url, code, message] of unreachable) {
  Deno.test(`newTokenSource() says that an endpoint ${why}`, () => refused(setUp({ url }).token(), code, message));
}

Deno.test("newTokenSource() says that an answer breaks off", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asking = refused(
    setUp({ url: `http://127.0.0.1:${listener.addr.port}/token` }).token(),
    "kafka.connect",
    /connection was closed/,
  );
  const connection = await listener.accept();
  await connection.read(new Uint8Array(4096));
  await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"));
  connection.close();
  await asking;
});

Deno.test("newTokenSource() says that there is no TLS", async () => {
  await using server = startTokenServer(() => granted());
  await refused(setUp({ url: server.url.replace("http:", "https:") }).token(), "kafka.tls", /does not speak TLS/);
});

Deno.test("newTokenSource() waits no longer than it should", async () => {
  const answer = Promise.withResolvers<Response>();
  await using server = startTokenServer(() => answer.promise);
  const { clock, token } = setUp(server);
  const asking = token();
  asking.catch(() => {}); // told below
  await until(() => server.asked.length === 1);
  await clock.advance(4_999);
  assert.equal(clock.sleeping, 1);
  await clock.advance(1);
  await refused(asking, "kafka.connect", /no answer within 5000 ms/);
  answer.resolve(granted());
});

Deno.test("tokenSourceOf() is one source for the same settings", () => {
  const deps = { clock: new FakeClock(), timeoutMs: 1_000 };
  const user = { mechanism: "OAUTHBEARER", username: "u", password: "p" } as const;
  const sasl: OauthSasl = { ...user, tokenUrl: "https://idp.example/token", scopes: [] };
  const source = tokenSourceOf(sasl, deps);
  assert.equal(tokenSourceOf(sasl, { ...deps }), source);
  assert.notEqual(tokenSourceOf({ ...sasl }, deps), source);
  assert.notEqual(tokenSourceOf(sasl, { ...deps, clock: new FakeClock() }), source);
});
