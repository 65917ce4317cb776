/** Tokens by client credentials: RFC 6749 §4.4, the client known by HTTP Basic (§2.3.1). */
import { readAtMost } from "../bytes/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { REDACTED, redactText } from "../config/mod.ts";
import { KafkaError, type KafkaErrorCode, textsOf } from "./errors.ts";
import type { OauthSasl, TokenSasl } from "./options.ts";

/** What getting tokens needs of its surroundings. */
export interface OauthDeps {
  readonly clock: Clock;
  /** For one request, from its beginning to the end of its answer. */
  readonly timeoutMs: number;
}

/** What a token endpoint grants. */
interface Grant {
  readonly token: string;
  readonly lifetimeMs: number;
}

interface HeldToken extends Grant {
  readonly askedMs: number;
}

/** A token is a few KiB even when it lists many groups; brokers take 512 KiB unless told otherwise. */
const MAX_ANSWER_BYTES = 256 * 1024;
/** RFC 6749 §5.1 lets `expires_in` be missing; a token is then kept for so long. */
const UNSAID_LIFETIME_MS = 60_000;
/** A token is used until this share of its lifetime is left, or this time. */
const MARGIN = { share: 0.2, mostMs: 90_000 };
/** A token that is refused so soon after it was given: another would fare no better. */
const YOUNG_MS = 10_000;

/**
 * A source of tokens, as `TokenSasl` wants one. A token is kept until shortly before it expires, and who asks at the same
 * time shares one request. Errors never show the client's secret.
 *
 * @throws {KafkaError} from the source: `kafka.connect` when the endpoint can't be reached or fails, `kafka.tls`,
 *   `kafka.authentication` when it refuses the client or is no token endpoint
 */
export function newTokenSource(config: OauthSasl, deps: OauthDeps): TokenSasl["token"] {
  const { clock } = deps;
  let held: HeldToken | undefined;
  let asking: Promise<HeldToken> | undefined;

  async function ask(): Promise<HeldToken> {
    const askedMs = clock.monotonic();
    return held = { ...await requestToken(config, deps), askedMs };
  }

  return async (refused) => {
    if (held !== undefined) {
      const { token, lifetimeMs, askedMs } = held;
      const ageMs = clock.monotonic() - askedMs;
      if (token === refused && ageMs < YOUNG_MS) return token;
      const isFresh = ageMs < lifetimeMs - Math.min(lifetimeMs * MARGIN.share, MARGIN.mostMs);
      if (token !== refused && isFresh) return token;
    }
    asking ??= ask().finally(() => asking = undefined);
    return (await asking).token;
  };
}

/** Weak, so that a source is there for as long as its settings are. */
const sources = new WeakMap<OauthSasl, { readonly clock: Clock; readonly source: TokenSasl["token"] }>();

/**
 * The source of tokens for these very settings, which everybody has who is handed the same object: who makes a cluster anew
 * whenever it has to connect again, and every cluster with the same profile. Some token endpoints want money for each token.
 */
export function tokenSourceOf(config: OauthSasl, deps: OauthDeps): TokenSasl["token"] {
  const known = sources.get(config);
  if (known?.clock === deps.clock) return known.source;
  const source = newTokenSource(config, deps);
  sources.set(config, { clock: deps.clock, source });
  return source;
}

async function requestToken(config: OauthSasl, { clock, timeoutMs }: OauthDeps): Promise<Grant> {
  const { tokenUrl, username, password, scopes } = config;
  const fail: Fail = (code, why, cause) =>
    new KafkaError(code, `Cannot get a token from ${redactText(tokenUrl)} for the client ${username}: ${why}`, {
      cause,
    });
  const credentials = btoa(`${formEncoded(username)}:${formEncoded(password)}`);
  const late = new AbortController();
  const settled = new AbortController();
  clock.sleep(timeoutMs, settled.signal).then(() => settled.signal.aborted || late.abort());
  try {
    const response = await fetch(tokenUrl, {
      method: "POST",
      headers: {
        "Authorization": `Basic ${credentials}`,
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
      },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
      }).toString(),
      redirect: "manual", // wherever it leads would get the secret
      signal: late.signal,
    });
    const { bytes, isCut } = await readAtMost(response.body, MAX_ANSWER_BYTES);
    if (isCut) throw fail("kafka.authentication", `its answer is longer than ${MAX_ANSWER_BYTES} octets; ${CHECK_URL}`);
    const answer = parseObject(bytes);
    if (response.status !== 200) throw refusal(response.status, answer, fail, [password, credentials]);
    const grant = readGrant(answer);
    if (typeof grant === "string") throw fail("kafka.authentication", `${grant}; ${CHECK_URL}`);
    return grant;
  } catch (error) {
    if (error instanceof KafkaError) throw error;
    if (late.signal.aborted) {
      throw fail("kafka.connect", `there was no answer within ${timeoutMs} ms; is it overloaded?`);
    }
    throw unreachable(error, fail);
  } finally {
    settled.abort();
  }
}

type Fail = (code: KafkaErrorCode, why: string, cause?: unknown) => KafkaError;

const CHECK_URL = "check that oauth_token_url is a token endpoint";

/** `application/x-www-form-urlencoded`, as RFC 6749 appendix B wants an id and a secret. */
function formEncoded(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}

/** A JSON object, or none; why not is not told, as a parser's error quotes what may be a token. */
function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined; // the caller says so
  }
}

/** RFC 6749 §5.1; why it can't be used, where it can't. */
function readGrant(answer: Readonly<Record<string, unknown>> | undefined): Grant | string {
  if (answer === undefined) return "its answer is no JSON object";
  const { access_token: token, token_type: type, expires_in: written } = answer;
  if (typeof token !== "string" || token === "") return "its answer has no access_token";
  // RFC 6750 §2.1: nothing else gets through a bearer's line unharmed.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) return "its access_token has letters that no bearer token has";
  // Some leave the type away, although they must not.
  if (type !== undefined && (typeof type !== "string" || type.toLowerCase() !== "bearer")) {
    return "its token_type is not Bearer";
  }
  // Some write the number as a text.
  const seconds = typeof written === "string" && /^\d{1,15}$/.test(written) ? Number(written) : written;
  if (seconds === undefined || seconds === null) return { token, lifetimeMs: UNSAID_LIFETIME_MS };
  if (typeof seconds !== "number" || !Number.isSafeInteger(seconds) || seconds < 0) {
    return "its expires_in is no whole number of seconds";
  }
  return { token, lifetimeMs: seconds * 1000 };
}

/** RFC 6749 §5.2, and whatever stands in the way of a token endpoint. @param secrets what is not to be shown */
function refusal(
  status: number,
  answer: Readonly<Record<string, unknown>> | undefined,
  fail: Fail,
  secrets: readonly string[],
): KafkaError {
  const { error, error_description: description } = answer ?? {};
  const words = [error, description].filter((one) => typeof one === "string" && one !== "").join(": ");
  const hidden = secrets.filter((secret) => secret !== "").flatMap((secret) => [secret, formEncoded(secret)])
    .reduce((text, secret) => text.replaceAll(secret, REDACTED), words);
  // The grammar of both texts is printable ASCII.
  const said = hidden.replace(/[^\x20-\x7e]+/g, "?").slice(0, 300);
  const answered = `it answered ${status}${said === "" ? "" : ` (${said})`}`;
  if (status >= 500 || status === 408 || status === 429 || error === "temporarily_unavailable") {
    return fail("kafka.connect", `${answered}; see its log if that lasts`);
  }
  if (status >= 300 && status < 400) {
    return fail("kafka.authentication", `${answered}, and where it leads is not followed; set oauth_token_url to it`);
  }
  if (error === "invalid_scope") return fail("kafka.authentication", `${answered}; check oauth_scopes`);
  if (error === "unauthorized_client" || error === "unsupported_grant_type") {
    return fail("kafka.authentication", `${answered}; let the client use the grant client_credentials`);
  }
  if (error === "invalid_client" || status === 401 || status === 403) {
    return fail("kafka.authentication", `${answered}; check username and password`);
  }
  return fail("kafka.authentication", `${answered}; ${CHECK_URL}`);
}

/** No answer, or none to its end. */
function unreachable(error: unknown, fail: Fail): KafkaError {
  // Without the URL, no part of which is to be mistaken for a description.
  const text = textsOf(error).replaceAll(/\(?https?:\/\/\S+/g, "");
  if (/certificate|UnknownIssuer|corrupt message|handshake|\bTLS\b/i.test(text)) {
    return fail("kafka.tls", "its certificate does not verify, or it does not speak TLS there", error);
  }
  if (/dns error|failed to lookup/i.test(text)) {
    return fail("kafka.connect", "its name does not resolve; check oauth_token_url", error);
  }
  if (/refused/i.test(text)) return fail("kafka.connect", "it refused the connection; is it running?", error);
  return fail("kafka.connect", "the connection was closed, or none could be made", error);
}
