import type { Section } from "../../config/mod.ts";
import { parseHttpTarget } from "../http_target.ts";

/** How a request shows who sends it: `Authorization: TYPE CREDENTIALS`. */
export interface AuthorizationConfig {
  /** `Bearer` unless told otherwise. */
  readonly type: string;
  /** Secret. */
  readonly credentials: string;
}

/** A name and a password, for `Authorization: Basic`. */
export interface BasicAuthConfig {
  readonly username: string;
  /** Secret. */
  readonly password: string;
}

/**
 * Reads `headers`, which every request gets.
 *
 * @param reserved names that are the protocol's own, in lower case
 * @throws {ConfigError} on what is no header, or one that is not to be set here
 */
export function readHeaders(section: Section, reserved: readonly string[]): Readonly<Record<string, string>> {
  const headers = section.map("headers") ?? {};
  for (const [name, value] of Object.entries(headers)) {
    if (!isHeader(name, value)) {
      section.section("headers").fail(name, "an HTTP header's name, and its value in one line");
    }
    if (reserved.includes(name.toLowerCase())) section.section("headers").fail(name, "nothing: it is set already");
  }
  return headers;
}

/**
 * Reads `authorization` or `basic_auth`; the other is `null`, or both are.
 *
 * @throws {ConfigError} when both are there, one is incomplete, or a host's URL has a name and password too
 */
export function readAuthorization(
  section: Section,
): { readonly authorization: AuthorizationConfig | null; readonly basicAuth: BasicAuthConfig | null } {
  const hasAuthorization = section.has("authorization");
  const hasBasic = section.has("basic_auth");
  if (hasAuthorization && hasBasic) section.fail("basic_auth", "either basic_auth or authorization");
  const inUrl = section.strings("hosts")?.some((host) => parseHttpTarget(host)?.authorization !== undefined);
  if (inUrl && (hasAuthorization || hasBasic)) {
    section.fail("hosts", "URLs without name and password: there are others");
  }
  return {
    authorization: hasAuthorization ? readToken(section.section("authorization")) : null,
    basicAuth: hasBasic ? readBasicAuth(section.section("basic_auth")) : null,
  };
}

function readToken(section: Section): AuthorizationConfig {
  section.refuseOthers(["type", "credentials"]);
  const type = section.string("type") || "Bearer";
  if (!/^[\w-]+$/.test(type)) section.fail("type", "a word such as Bearer");
  const credentials = section.secret("credentials");
  if (!credentials) section.fail("credentials", "the token, or credentials_file with a file that holds it");
  if (!isHeader("authorization", credentials)) section.fail("credentials", "a token in one line");
  return { type, credentials };
}

function readBasicAuth(section: Section): BasicAuthConfig {
  section.refuseOthers(["username", "password"]);
  const username = section.string("username");
  if (!username || username.includes(":")) section.fail("username", "a name without a colon");
  const password = section.secret("password");
  if (password === undefined) section.fail("password", "the password, or password_file with a file that holds it");
  return { username, password };
}

/** The value of `Authorization`, where there is to be one. */
export function authorizationHeader(
  { authorization, basicAuth }: {
    readonly authorization: AuthorizationConfig | null;
    readonly basicAuth: BasicAuthConfig | null;
  },
): Readonly<Record<string, string>> {
  if (authorization !== null) return { Authorization: `${authorization.type} ${authorization.credentials}` };
  if (basicAuth === null) return {};
  const plain = new TextEncoder().encode(`${basicAuth.username}:${basicAuth.password}`);
  return { Authorization: `Basic ${plain.toBase64()}` };
}

function isHeader(name: string, value: string): boolean {
  try {
    new Headers([[name, value]]);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false; // what it says quotes the value, which may be a secret
    throw error;
  }
}
