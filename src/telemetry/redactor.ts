/** What stands for a secret wherever one would show. */
export const REDACTED = "REDACTED";

/** Takes secrets out of whatever is about to leave the process as a log line, a report or a page. */
export interface Redactor {
  /** From now on `secret` is replaced: as it is, as it stands in a URL or in JSON, and line by line. Empty: ignored. */
  add(secret: string): void;
  /** `text` with REDACTED for every secret in it. */
  redact(text: string): string;
}

/** Lines of a secret that are shorter than this say too little to be looked for on their own. */
const SHORTEST_LINE = 16;

/** A redactor that knows no secret yet. */
export function newRedactor(): Redactor {
  const secrets = new Set<string>();
  let longestFirst: string[] = [];
  return {
    add(secret) {
      if (secret === "") return;
      secrets.add(secret);
      // A lone surrogate has no form in a URL.
      if (secret.isWellFormed()) secrets.add(encodeURIComponent(secret));
      secrets.add(JSON.stringify(secret).slice(1, -1));
      for (const line of secret.split(/\r?\n/)) {
        // A parser's complaint quotes one line of a key; the dashed first and last are no secret.
        if (line.length >= SHORTEST_LINE && !line.startsWith("-----")) secrets.add(line);
      }
      // So that no secret that is a part of another leaves the rest of it standing.
      longestFirst = [...secrets].sort((a, b) => b.length - a.length);
    },
    redact(text) {
      for (const secret of longestFirst) {
        if (text.includes(secret)) text = text.replaceAll(secret, REDACTED);
      }
      return text;
    },
  };
}
