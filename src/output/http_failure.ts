import { DeliveryError } from "./contract.ts";

/** Longest wait a destination may ask for, in milliseconds. */
export const MAX_RETRY_AFTER_MS = 600_000;

/**
 * What a reply's status means for what was sent.
 *
 * @param host the destination as messages name it
 */
export function statusFailure(status: number, headers: Headers, host: string): DeliveryError {
  const fail = (kind: DeliveryError["failure"], remedy: string) => {
    const wait = retryAfterMs(headers);
    return new DeliveryError(kind, `Cannot deliver to ${host}: it answered ${status}; ${remedy}`, {
      status,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  };
  if (status >= 300 && status < 400) return fail("configuration", "redirects are not followed, name the right host");
  switch (status) {
    case 400:
    case 422:
      return fail("permanent", "it refuses these events");
    case 401:
    case 403:
      return fail("configuration", "check the key and what it allows");
    case 404:
    case 405:
    case 415:
    case 501:
      return fail("configuration", "check the host and its path");
    case 407:
      return fail("configuration", "check the proxy's credentials");
    case 408:
      return fail("retry", "it wants another try");
    case 413:
      return fail("too_large", "it wants smaller requests");
    case 429:
      return fail("throttle", "it wants fewer requests");
  }
  return status >= 500
    ? fail("retry", "it wants another try")
    : fail("permanent", "that is no success, and no retry mends it");
}

/**
 * `Retry-After` in milliseconds, at most `MAX_RETRY_AFTER_MS`; absent when negative, past or unreadable. A date is taken
 * relative to the reply's own `Date`, so that a local clock that is wrong does no harm.
 */
export function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS);
  const [then, now] = [Date.parse(text), Date.parse(headers.get("date") ?? "")];
  if (!/^[A-Z]/i.test(text) || !(then > now)) return undefined;
  return Math.min(then - now, MAX_RETRY_AFTER_MS);
}

/** Certificates that do not verify, and peers that do not speak TLS as it was configured. */
const TLS_REFUSED = /invalid peer certificate|received corrupt message|received fatal alert|ERR_TLS|CERT|SELF_SIGNED/;

/**
 * What an error of `fetch` means. Its text holds the request's whole URL, and with it the key, so nothing of it is kept
 * but what is recognised here; the original is not passed on as a cause for the same reason.
 */
export function fetchFailure(error: unknown, host: string, aborted: boolean): DeliveryError {
  const fail = (kind: DeliveryError["failure"], why: string, label: string) =>
    new DeliveryError(kind, `Cannot deliver to ${host}: ${why}`, { label });
  if (aborted) return fail("ambiguous", "there was no answer in time", "io");
  const text = errorTexts(error);
  if (TLS_REFUSED.test(text)) {
    const name = /certificate not valid for name|ALTNAME/.test(text);
    const why = name ? "its certificate is for another name" : "its certificate or TLS is not acceptable";
    return fail("configuration", `${why}; check tls`, "io");
  }
  if (/dns error|ENOTFOUND|EAI_AGAIN/.test(text)) return fail("connection", "its name does not resolve", "dns");
  if (/refused/i.test(text)) return fail("connection", "it refused the connection", "io");
  if (/client error \(Connect\)|EHOSTUNREACH|ENETUNREACH|blocked/.test(text)) {
    return fail("connection", "no connection could be made", "io");
  }
  return fail("ambiguous", "the connection broke before an answer came", "io");
}

/** Messages and codes of an error and what caused it; fetch puts the useful one into the cause. */
function errorTexts(error: unknown): string {
  let text = "";
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    text += `${at.message} ${(at as { code?: unknown }).code ?? ""}\n`;
  }
  // The URL goes first, so that no part of it is ever mistaken for a description.
  return text.replaceAll(/\(?https?:\/\/\S+/g, "");
}
