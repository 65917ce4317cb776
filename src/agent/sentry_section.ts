import { REDACTED, type Section } from "../config/mod.ts";
import { parseSentryDsn, type SentryDsn } from "../telemetry/mod.ts";

/**
 * Reads the section `sentry`: its `dsn` as it is written, and what it says; nothing for none.
 *
 * @throws {ConfigError} when it is no DSN
 */
export function readSentry(section: Section): { readonly text: string; readonly dsn: SentryDsn | undefined } {
  section.refuseOthers(["dsn"]);
  const text = section.secret("dsn") ?? "";
  // What was shown, secrets left out, can be read again.
  if (text === "" || text === REDACTED) return { text, dsn: undefined };
  try {
    return { text, dsn: parseSentryDsn(text) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    section.fail("dsn", `the DSN that Sentry shows for the project: ${error.message}`);
  }
}
