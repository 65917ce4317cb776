import type { Section } from "../config/mod.ts";
import { KafkaError } from "./errors.ts";
import { type KafkaSasl, type KafkaTls, SASL_MECHANISMS } from "./options.ts";

/** The keys of a section `sasl`. */
export const SASL_KEYS = ["mechanism", "username", "password"] as const;

/** A name and a password, and how they are shown. */
export type PasswordSasl = Extract<KafkaSasl, { readonly username: string }>;

/**
 * Reads a section with `mechanism` (`PLAIN` unless told otherwise), `username` and `password` or `password_file`; absent
 * where it is empty.
 *
 * @param others further keys, which the caller reads
 * @throws {ConfigError} on a value it can't use
 */
export function readSasl(section: Section, others: readonly string[] = []): PasswordSasl | undefined {
  section.refuseOthers([...SASL_KEYS, ...others]);
  const mechanism = section.oneOf("mechanism", SASL_MECHANISMS);
  const username = section.string("username") ?? "";
  const password = section.secret("password") ?? "";
  if (mechanism === undefined && username === "" && password === "") return undefined;
  if (username === "") section.fail("username", "the name that goes with the password");
  if (password === "") section.fail("password", "the password, or password_file with a file that holds it");
  return { mechanism: mechanism ?? "PLAIN", username, password };
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
