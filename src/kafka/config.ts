import type { Section } from "../config/mod.ts";
import { KafkaError } from "./errors.ts";
import { type KafkaTls, SASL_MECHANISMS, type SaslConfig } from "./options.ts";

/** The keys of a section `sasl`. */
export const SASL_KEYS = ["mechanism", "username", "password", "oauth_token_url", "oauth_scopes"] as const;

/** What is written where tokens are to be had by client credentials: the mechanism's name, or the short word for it. */
export const OAUTH_WORDS = ["OAUTHBEARER", "oauth"] as const;

/**
 * Reads a section with `mechanism` (`PLAIN` unless told otherwise), `username` and `password` or `password_file`, and with
 * `OAUTHBEARER` what {@linkcode readMechanism} reads; absent where it is empty.
 *
 * @param others further keys, which the caller reads
 * @throws {ConfigError} on a value it can't use
 */
export function readSasl(section: Section, others: readonly string[] = []): SaslConfig | undefined {
  section.refuseOthers([...SASL_KEYS, ...others]);
  const mechanism = section.oneOf("mechanism", [...SASL_MECHANISMS, ...OAUTH_WORDS]);
  const username = section.string("username") ?? "";
  const password = section.secret("password") ?? "";
  if (mechanism === undefined && username === "" && password === "" && !hasOauthKeys(section)) return undefined;
  if (username === "") section.fail("username", "the name that goes with the password");
  if (password === "") section.fail("password", "the password, or password_file with a file that holds it");
  return readMechanism(section, mechanism ?? "PLAIN", { username, password });
}

/**
 * Who we are to a broker, by a mechanism that is known already. With one of `OAUTH_WORDS` it reads `oauth_token_url` and
 * `oauth_scopes`; with another it refuses them.
 *
 * @throws {ConfigError} on a value it can't use
 */
export function readMechanism(
  section: Section,
  mechanism: (typeof SASL_MECHANISMS | typeof OAUTH_WORDS)[number],
  { username, password }: { readonly username: string; readonly password: string },
): SaslConfig {
  if (mechanism !== "OAUTHBEARER" && mechanism !== "oauth") {
    if (hasOauthKeys(section)) section.refuse("mechanism", `${OAUTH_WORDS[0]}, which the keys oauth_… are for`);
    return { mechanism, username, password };
  }
  if (password === "") section.refuse("password", "the client's secret, or password_file with a file that holds it");
  const tokenUrl = section.string("oauth_token_url") ?? "";
  if (!isTokenUrl(tokenUrl)) {
    section.refuse("oauth_token_url", "where tokens are had: an http or https URL, without credentials and fragment");
  }
  const scopes = section.strings("oauth_scopes") ?? [];
  // RFC 6749 §3.3: of one word each.
  if (!scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))) {
    section.refuse("oauth_scopes", "a list of scopes, each without spaces and quotes");
  }
  return { mechanism: "OAUTHBEARER", username, password, tokenUrl, scopes };
}

/** The keys that say as much, secret and all. */
export function saslKeys(sasl: SaslConfig): Record<string, unknown> {
  const { mechanism, username, password } = sasl;
  const oauth = "tokenUrl" in sasl ? { oauth_token_url: sasl.tokenUrl, oauth_scopes: sasl.scopes } : {};
  return { mechanism, username, password, ...oauth };
}

/** Whether any of the keys that go with client credentials is written; a list or a text without anything in it is not. */
export function hasOauthKeys(section: Section): boolean {
  return (section.string("oauth_token_url") ?? "") !== "" || (section.strings("oauth_scopes") ?? []).length > 0;
}

function isTokenUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return false;
  return url.username === "" && url.password === "" && !text.includes("#");
}

/** Where what TLS needs is kept. */
export interface KafkaTlsFiles {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly serverName?: string;
  readonly skipVerify?: boolean;
}

/**
 * Reads the files, anew for each client, so that renewed ones are seen.
 *
 * @throws {KafkaError} `kafka.tls` when one can't be read
 */
export function loadTls({ caFile, certFile, keyFile, serverName, skipVerify }: KafkaTlsFiles): KafkaTls {
  return {
    ...(caFile === undefined ? {} : { ca: readText("ca_file", caFile) }),
    ...(certFile === undefined ? {} : { cert: readText("cert_file", certFile) }),
    ...(keyFile === undefined ? {} : { key: readText("key_file", keyFile) }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(skipVerify === undefined ? {} : { skipVerify }),
  };
}

function readText(key: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw new KafkaError("kafka.tls", `Cannot read ${key} ${path}: check that it is there and may be read`, { cause });
  }
}
