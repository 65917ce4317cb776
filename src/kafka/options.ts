import type { Clock } from "../clock/mod.ts";

/** How a broker is known to be the right one, and we to it; texts are PEM. */
export interface KafkaTls {
  /** Authorities; absent: the system's. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name its certificate must be for; absent: its host. */
  readonly serverName?: string;
  /** Takes any certificate. @default false */
  readonly skipVerify?: boolean;
}

/** The mechanisms by which a name and a password are shown. */
export const SASL_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

/** A name and a password, and how they are shown. */
export interface PasswordSasl {
  readonly mechanism: (typeof SASL_MECHANISMS)[number];
  readonly username: string;
  /** Secret. */
  readonly password: string;
}

/** A client that gets its tokens from a token endpoint, by its credentials (RFC 6749 §4.4). */
export interface OauthSasl {
  readonly mechanism: "OAUTHBEARER";
  /** The client's id. */
  readonly username: string;
  /** The client's secret. */
  readonly password: string;
  /** `http` or `https`, without credentials. */
  readonly tokenUrl: string;
  /** None: what the token endpoint gives by itself. */
  readonly scopes: readonly string[];
}

/** Tokens from wherever a program has them. */
export interface TokenSasl {
  readonly mechanism: "OAUTHBEARER";
  /** Whose they are, for messages. */
  readonly username?: string;
  /**
   * Gives a token that is valid now; asked for each connection.
   *
   * @param refused a token that a broker has just refused: another one, or the same where there is none
   */
  readonly token: (refused?: string) => Promise<string>;
}

/** Who we are to a broker, as settings say it: plain data. */
export type SaslConfig = PasswordSasl | OauthSasl;

/** Who we are to a broker. */
export type KafkaSasl = SaslConfig | TokenSasl;

/** How brokers are reached. */
export interface KafkaOptions {
  /** `host:port` of some of them; the others are learnt from these. */
  readonly brokers: readonly string[];
  /** What they call us in their logs and quotas. */
  readonly clientId: string;
  readonly clock: Clock;
  /** Absent: plain text. */
  readonly tls?: KafkaTls;
  readonly sasl?: KafkaSasl;
  /** From the first packet to the end of the authentication. @default 10 s */
  readonly connectTimeoutMs?: number;
  /** From a request to its answer, beyond what the request asks the broker to wait. @default 30 s */
  readonly requestTimeoutMs?: number;
  /** The largest answer that is taken. @default 128 MiB */
  readonly maxResponseBytes?: number;
}

/** What is in force unless told otherwise. */
export const DEFAULTS = {
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  maxResponseBytes: 128 * 2 ** 20,
} as const;

/** Whom we say to be, for messages; never a secret. */
export function userText(sasl: KafkaSasl | undefined): string | undefined {
  if (sasl === undefined) return undefined;
  const { mechanism, username } = sasl;
  if (username === undefined) return `mechanism ${mechanism}`;
  return `mechanism ${mechanism}, ${mechanism === "OAUTHBEARER" ? "client" : "user"} ${username}`;
}
