import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { GrpcClientTls } from "../grpc/mod.ts";
import type { StatsdConfig } from "./config.ts";

/** How a TCP listener speaks. Plain data, so that it can cross to a worker. */
export interface TlsSettings {
  /** `encrypted`: clients know the server; `authenticated`: they also show a certificate of `ca`. */
  readonly mode: "unencrypted" | "encrypted" | "authenticated";
  /** Private key, PEM; "" without TLS. */
  readonly key: string;
  /** The server's certificate and those between it and the authority, PEM; "" without TLS. */
  readonly cert: string;
  /** Certificates of the clients' authorities, PEM each; none unless `authenticated`. */
  readonly ca: readonly string[];
}

/** The settings that say how to speak TLS. */
export type TlsKeys = Pick<StatsdConfig, "tlsKey" | "tlsCertificate" | "tlsAuthorityCertificate">;

/** The key of a setting that TLS is read from. */
export type TlsSetting = ListenTlsSetting | `forward_${ListenTlsSetting}`;
type ListenTlsSetting = "tls_key" | "tls_certificate" | "tls_authority_certificate";

/** A TLS setting that cannot be used. The message never shows a key. */
export class TlsSettingError extends RangeError {
  override readonly name = "TlsSettingError";
  readonly code = "statsd.tls";

  constructor(readonly setting: TlsSetting, problem: string, options?: ErrorOptions) {
    super(`Cannot use ${setting}: ${problem}`, options);
  }
}

/** The settings of a client that forwards. */
export type ForwardTlsKeys = Pick<
  StatsdConfig,
  "forwardTlsKey" | "forwardTlsCertificate" | "forwardTlsAuthorityCertificate"
>;

const NO_TLS: TlsSettings = { mode: "unencrypted", key: "", cert: "", ca: [] };

/**
 * Reads and checks key and certificates. Each value is PEM text, or the path of a file with it.
 *
 * @throws {TlsSettingError} if one can't be read, or they do not belong together
 */
export function readTlsSettings(config: TlsKeys): TlsSettings {
  const { tlsKey, tlsCertificate, tlsAuthorityCertificate } = config;
  if (tlsKey === "") {
    const without = "there is no tls_key; set it too";
    if (tlsCertificate !== "") throw new TlsSettingError("tls_certificate", without);
    if (tlsAuthorityCertificate !== "") throw new TlsSettingError("tls_authority_certificate", without);
    return NO_TLS;
  }
  if (tlsCertificate === "") {
    throw new TlsSettingError("tls_key", "tls_key is set; must set tls_certificate");
  }
  const key = readPem("tls_key", tlsKey);
  const cert = readPem("tls_certificate", tlsCertificate);
  checkPair("", key, cert);
  if (tlsAuthorityCertificate === "") return { mode: "encrypted", key, cert, ca: [] };
  const authorities = readPem("tls_authority_certificate", tlsAuthorityCertificate);
  const ca = parseCertificates("tls_authority_certificate", authorities).map(({ pem }) => pem);
  return { mode: "authenticated", key, cert, ca };
}

/**
 * Reads and checks what a client shows of itself and trusts. Each value is PEM text, the path of a file with it, or "".
 *
 * @throws {TlsSettingError} if one can't be read, or they do not belong together
 */
export function readForwardTls(config: ForwardTlsKeys): GrpcClientTls {
  const { forwardTlsKey, forwardTlsCertificate, forwardTlsAuthorityCertificate } = config;
  const setting = "forward_tls_authority_certificate";
  const ca = forwardTlsAuthorityCertificate === "" ? undefined : readPem(setting, forwardTlsAuthorityCertificate);
  if (ca !== undefined) parseCertificates(setting, ca);
  const trusts = ca === undefined ? {} : { ca };
  if (forwardTlsKey === "") return trusts;
  const key = readPem("forward_tls_key", forwardTlsKey);
  const cert = readPem("forward_tls_certificate", forwardTlsCertificate);
  checkPair("forward_", key, cert);
  return { ...trusts, key, cert };
}

function checkPair(prefix: "" | "forward_", key: string, cert: string): void {
  const [own] = parseCertificates(`${prefix}tls_certificate`, cert);
  if (!own!.x509.checkPrivateKey(parseKey(`${prefix}tls_key`, key))) {
    throw new TlsSettingError(`${prefix}tls_certificate`, `it is not the certificate of ${prefix}tls_key`);
  }
}

function readPem(setting: TlsSetting, value: string): string {
  if (value.includes("BEGIN")) return value;
  try {
    return Deno.readTextFileSync(value);
  } catch (cause) {
    // What is no path may be a key that lost its first line.
    const shown = !setting.endsWith("tls_key") || /^\.{0,2}\//.test(value) ? ` ${value.slice(0, 200)}` : "";
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : "it can't be read";
    throw new TlsSettingError(setting, `it has no BEGIN, and as a path${shown}: ${why}`, { cause });
  }
}

function parseKey(setting: TlsSetting, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new TlsSettingError(setting, "it is not a private key as PEM without a passphrase", { cause });
  }
}

/** At least one. */
function parseCertificates(setting: TlsSetting, text: string): { pem: string; x509: X509Certificate }[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new TlsSettingError(setting, "there is no certificate as PEM in it");
  return blocks.map((pem, i) => {
    try {
      return { pem, x509: new X509Certificate(pem) };
    } catch (cause) {
      throw new TlsSettingError(setting, `certificate ${i + 1} in it can't be parsed`, { cause });
    }
  });
}
