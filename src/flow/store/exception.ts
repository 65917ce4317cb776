/** What a ClickHouse server says when it refuses, and what that means for the sender. */
import type { DeliveryFailure } from "../../output/mod.ts";
import { StoreError, type StoreErrorOptions } from "./endpoint.ts";

/** An exception as the server words it. */
export interface ServerException {
  /** ClickHouse's number of it; 0 where none can be read. */
  readonly code: number;
  /** From `Code:` on, without the version behind. */
  readonly text: string;
}

/** `Code: 47. DB::Exception: …`; before version 20 `Code: 47, e.displayText() = DB::Exception: …`. */
const EXCEPTION = /Code: (\d{1,4})(?:\. |, e\.displayText\(\) = )[\s\S]*/;

/** The longest text of an exception that is kept. */
const MAX_TEXT = 2_000;

/** Reads the body of an answer that is an exception and nothing else. */
export function readException(body: string): ServerException | undefined {
  const match = EXCEPTION.exec(body);
  if (match === null) return undefined;
  return { code: Number(match[1]), text: tidied(match[0]) };
}

/** How the server marks an exception behind a part of an answer, from version 25 on. */
const MARK = "__exception__";

/** An exception is at most this far from the end of an answer. */
const TAIL_BYTES = 16 * 1024;

/**
 * Finds the exception that ends an answer, after a part of its rows. It begins a line, as no exception among the rows would
 * that is followed by others.
 *
 * @param tag what the answer's head said that such an exception would bear
 */
export function trailingException(body: Uint8Array, tag?: string): ServerException | undefined {
  const tail = new TextDecoder().decode(body.subarray(Math.max(0, body.length - TAIL_BYTES)));
  if (tag !== undefined) {
    const marked = tail.lastIndexOf(`${MARK}\r\n${tag}`);
    // Behind its text stands its length, and the tag and the mark once more.
    return marked < 0 ? undefined : readException(tail.slice(marked).replace(/\n\d+ \w+\r\n__exception__\s*$/, ""));
  }
  const at = tail.startsWith("Code: ") ? 0 : tail.lastIndexOf("\nCode: ") + 1;
  if (at === 0 && !tail.startsWith("Code: ")) return undefined;
  const text = tail.slice(at);
  return /^Code: \d{1,4}(?:\. |, e\.displayText\(\) = )DB::\w*Exception: /.test(text) ? readException(text) : undefined;
}

function tidied(text: string): string {
  const plain = text.replace(/^(Code: \d+), e\.displayText\(\) = /, "$1. ")
    .replace(/, e\.what\(\) = DB::\w*Exception\s*$/, "")
    .replace(/ \(version [^()]*(\([^()]*\))?\)?\s*$/, "")
    .trimEnd();
  return plain.length > MAX_TEXT ? `${plain.slice(0, MAX_TEXT)}…` : plain;
}

/** Wrong names, wrong passwords, tables and columns that are not there: settings, or an installation half made. */
const CONFIGURATION: readonly number[] = [
  16, // NO_SUCH_COLUMN_IN_TABLE
  20, // NUMBER_OF_COLUMNS_DOESNT_MATCH
  36, // BAD_ARGUMENTS
  46, // UNKNOWN_FUNCTION
  47, // UNKNOWN_IDENTIFIER
  48, // NOT_IMPLEMENTED
  60, // UNKNOWN_TABLE
  62, // SYNTAX_ERROR
  73, // UNKNOWN_FORMAT
  81, // UNKNOWN_DATABASE
  115, // UNKNOWN_SETTING
  164, // READONLY
  192, // UNKNOWN_USER
  193, // WRONG_PASSWORD
  194, // REQUIRED_PASSWORD
  195, // IP_ADDRESS_NOT_ALLOWED
  218, // TABLE_IS_DROPPED
  291, // DATABASE_ACCESS_DENIED
  344, // SUPPORT_IS_DISABLED
  497, // ACCESS_DENIED
  516, // AUTHENTICATION_FAILED
];

/** The server could not read the rows, or takes no such values. */
const DATA: readonly number[] = [
  6, // CANNOT_PARSE_TEXT
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  32, // ATTEMPT_TO_READ_AFTER_EOF
  33, // CANNOT_READ_ALL_DATA
  50, // UNKNOWN_TYPE
  53, // TYPE_MISMATCH
  70, // CANNOT_CONVERT_TYPE
  117, // INCORRECT_DATA
  271, // CANNOT_DECOMPRESS
  432, // UNKNOWN_CODEC
];

const AUTHENTICATION: readonly number[] = [192, 193, 194, 516];

/** Whether another form of the same rows may be taken. */
export function isAboutData(code: number | undefined): boolean {
  return code !== undefined && (DATA.includes(code) || code === 73);
}

/** Whether it was the name or the password. */
export function isAboutLogin(code: number | undefined): boolean {
  return code !== undefined && AUTHENTICATION.includes(code);
}

/**
 * What an exception means for who sent the statement. Rows are never given up for one: where no retry mends it, it is a
 * matter of settings, which are tried again from time to time.
 */
export function failureOf(code: number): DeliveryFailure {
  if (CONFIGURATION.includes(code) || DATA.includes(code)) return "configuration";
  return "retry";
}

/** The error of an exception. @param what begins the message: "Cannot store rows in 127.0.0.1:8123" */
export function exceptionError(
  what: string,
  { code, text }: ServerException,
  options: Omit<StoreErrorOptions, "exception" | "exceptionCode"> = {},
): StoreError {
  const remedy = isAboutLogin(code) ? "check username and password under flow.outlet.clickhouse; it said: " : "";
  return new StoreError(failureOf(code), `${what}: ${remedy}${text}`, {
    ...options,
    exceptionCode: code,
    exception: text,
  });
}
