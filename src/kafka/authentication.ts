/** How a connection's user is shown to a broker: the library's mechanisms, their outcome looked at by us. */
import { Buffer } from "node:buffer";
import type * as Library from "@platformatic/kafka";
import type { SASLOptions } from "./library.ts";
import type { PasswordSasl } from "./options.ts";

/** Who we are on one connection. */
export type Identity = PasswordSasl | { readonly mechanism: "OAUTHBEARER"; readonly token: string };

/** What a broker says of who we are. */
export interface AuthenticationListener {
  /** It knows us for so many milliseconds; 0 is without an end (KIP-368). */
  onSession(lifetimeMs: number): void;
  /** It takes no such token: its own word, `invalid_token` for example. */
  onTokenRefused(status: string): void;
}

type Callback = Parameters<NonNullable<SASLOptions["authenticate"]>>[6];

/** RFC 7628 §3.2.3: the answer to a refusal, upon which the broker ends the exchange. */
const DUMMY = Buffer.from([1]);

/**
 * Settings that make the library show `identity` once. Left to itself it would do so again, on the same connection, when
 * a session nears its end; but brokers answer requests that come in between with ILLEGAL_SASL_STATE, and its timer outlives
 * the connection.
 */
export function saslOptions(library: typeof Library, identity: Identity, told: AuthenticationListener): SASLOptions {
  const { saslOAuthBearer, saslPlain, saslScramSha } = library;
  const { mechanism } = identity;
  return {
    mechanism,
    authenticate: (_mechanism, connection, authenticate, _username, _password, _token, callback) => {
      const done: Callback = (error, response) => {
        if (error || response === undefined) return callback(error);
        told.onSession(Number(response.sessionLifetimeMs));
        callback(null, { ...response, sessionLifetimeMs: 0n });
      };
      if (mechanism === "OAUTHBEARER") {
        saslOAuthBearer.authenticate(authenticate, connection, identity.token, {}, (error, response) => {
          if (error || response === undefined || response.authBytes.length === 0) return done(error, response);
          told.onTokenRefused(statusOf(response.authBytes));
          authenticate(connection, DUMMY, (error) => callback(error ?? new Error("The token was refused")));
        });
        return;
      }
      const { username, password } = identity;
      if (mechanism === "PLAIN") return saslPlain.authenticate(authenticate, connection, username, password, done);
      const algorithm = mechanism === "SCRAM-SHA-256" ? "SHA-256" : "SHA-512";
      const { defaultCrypto } = saslScramSha;
      saslScramSha.authenticate(authenticate, connection, algorithm, username, password, defaultCrypto, done);
    },
  };
}

/** RFC 7628 §3.2.2: a JSON object with a `status`. */
function statusOf(answer: Uint8Array): string {
  try {
    const { status } = JSON.parse(new TextDecoder().decode(answer));
    if (typeof status === "string" && /^[\x20-\x7e]{1,100}$/.test(status)) return status;
  } catch {
    // As good as no status.
  }
  return "no reason";
}
