/** What stands for a secret wherever a setting is shown. */
export const REDACTED = "REDACTED";

const SECRET_WORD = /^(?:key|token|password|passwd|passphrase|credentials?|authorization|dsn|cookie|secret.*)$/;
const SECRET_ENDING = /_(?:key|key_id|token|password|passphrase|dsn|secret|credentials?)$/;

/**
 * Whether a setting of that name holds a secret: `key`, `tls_key`, `password`, `bearer_token`, `secret_access_key`,
 * `sentry_dsn` and their like. `key_file` and others that end in `_file` hold a path, which is none.
 */
export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll("-", "_");
  return !plain.endsWith("_file") && (SECRET_WORD.test(plain) || SECRET_ENDING.test(plain));
}

/**
 * A deep copy of a setting that may be shown: what stands under a secret name becomes REDACTED (nothing becomes nothing,
 * so that it shows whether the secret is set), and so do the password and the keys in a URL.
 */
export function redact(value: unknown): unknown {
  if (typeof value === "string") return redactText(value);
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isSecretName(name) ? hide(inner) : redact(inner)]),
  );
}

/** Text without the password and the keys of URLs in it. */
export function redactText(text: string): string {
  if (!text.includes("://")) return text;
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^/?#\s:@]*):[^/?#\s]*@/gi, `$1:${REDACTED}@`)
    .replace(/([?&](?:[a-z_]*key|[a-z_]*token|password|secret)=)[^&#\s]*/gi, `$1${REDACTED}`);
}

function hide(value: unknown): unknown {
  return value === "" || value === null || value === undefined ? value : REDACTED;
}
