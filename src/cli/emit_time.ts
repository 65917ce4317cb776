/** Times as people and programs write them on a command line. */

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY_NAMES = "(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?";
const MONTH_NAMES = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*";

const TIME = String.raw`(?<hour>\d{1,2}):(?<minute>\d\d)(?::(?<second>\d\d)(?:[.,](?<fraction>\d{1,9}))?)?` +
  String.raw`(?:\s*(?<half>[AaPp][Mm]))?`;
/** An abbreviation behind an offset says nothing new: `-0700 MST`. */
const ZONE = String.raw`(?:\s*(?<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?(?:\s+\(?[A-Z]{3,5}\)?)?))?`;

/** What is accepted beside numbers; each names its year, month and day. */
const LAYOUTS: readonly RegExp[] = [
  // 2006-01-02T15:04:05.999Z, 2006-01-02 15:04:05.999 +0200 CEST, 2006/1/2 15:04, 2006-01-02
  String.raw`(?<year>\d{4})(?<dash>[-/])(?<month>\d{1,2})\k<dash>(?<day>\d{1,2})(?:(?:[Tt]|\s+)${TIME}${ZONE})?`,
  // 01/02/2006 15:04:05, month first
  String.raw`(?<month>\d{1,2})/(?<day>\d{1,2})/(?<year>\d{4})(?:,?\s+${TIME}${ZONE})?`,
  // 20060102, 20060102150405
  String.raw`(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)(?:(?<hour>\d\d)(?<minute>\d\d)(?<second>\d\d))?`,
  // Mon, 02 Jan 2006 15:04:05 GMT; 2-Jan-2006
  String.raw`(?:${DAY_NAMES},?\s+)?(?<day>\d{1,2})[\s-](?<month>${MONTH_NAMES})[\s-](?<year>\d{4})` +
  String.raw`(?:,?\s+${TIME}${ZONE})?`,
  // January 2, 2006 at 3:04 PM
  String.raw`(?:${DAY_NAMES},?\s+)?(?<month>${MONTH_NAMES})\.?\s+(?<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?<year>\d{4})` +
  String.raw`(?:,?\s+(?:at\s+)?${TIME}${ZONE})?`,
  // Mon Jan  2 15:04:05 UTC 2006, as date(1) and asctime(3) write it
  String.raw`(?:${DAY_NAMES},?\s+)?(?<month>${MONTH_NAMES})\s+(?<day>\d{1,2})\s+${TIME}${ZONE}\s+(?<year>\d{4})`,
].map((layout) => new RegExp(`^${layout}$`, "i"));

/** Digits of a fraction, by what a whole number of that many digits counts. */
const UNIX_FRACTION_DIGITS: ReadonlyMap<number, number> = new Map([[13, 3], [16, 6], [19, 9]]);

const SECOND_NS = 1_000_000_000n;

/**
 * Reads a moment: Unix seconds, with a fraction or not; Unix milliseconds, microseconds or nanoseconds (13, 16, 19 digits); or
 * a date, with a time of day and a zone or not, as RFC 3339, RFC 1123, date(1) and most programs write it. Without a zone
 * it is UTC. Eight digits are a date, as is `1/2/2006`, the 2nd of January.
 *
 * @returns Unix nanoseconds, from 0 and below 2^63
 * @throws {RangeError} for anything else, a zone's abbreviation without its offset among it
 */
export function parseTime(text: string): bigint {
  const ns = unixTime(text) ?? dateTime(text);
  if (ns === undefined) {
    throw new RangeError(
      `Cannot read the time ${JSON.stringify(text)}: write Unix seconds or a time such as 2006-01-02T15:04:05Z`,
    );
  }
  if (ns >= 0n && ns < 2n ** 63n) return ns;
  throw new RangeError(`Cannot use the time ${JSON.stringify(text)}: write one from 1970 to 2262`);
}

function unixTime(text: string): bigint | undefined {
  const match = /^(\d{1,19})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return undefined;
  const [, whole = "", fraction] = match;
  const seconds = fraction !== undefined || (whole.length <= 10 && whole.length !== 8);
  if (seconds) return BigInt(whole) * SECOND_NS + fractionNs(fraction);
  const digits = UNIX_FRACTION_DIGITS.get(whole.length);
  return digits === undefined ? undefined : BigInt(whole) * 10n ** BigInt(9 - digits);
}

function dateTime(text: string): bigint | undefined {
  for (const layout of LAYOUTS) {
    const parts = layout.exec(text.trim())?.groups;
    if (parts !== undefined) return moment(parts);
  }
  return undefined;
}

/** `undefined` for a date or time of day that does not exist. */
function moment(parts: Record<string, string | undefined>): bigint | undefined {
  const year = Number(parts.year);
  const month = monthIndex(parts.month ?? "");
  const day = Number(parts.day);
  const hour = hourOfDay(Number(parts.hour ?? 0), parts.half?.toLowerCase());
  const minute = Number(parts.minute ?? 0);
  const second = Number(parts.second ?? 0);
  const offsetMs = zoneOffsetMs(parts.zone);
  const dayMs = Date.UTC(year, month, day);
  // Date.UTC takes the years below 100 for those of the 20th century.
  const exists = year >= 1970 && month >= 0 && month < 12 && new Date(dayMs).getUTCDate() === day && day > 0;
  if (!exists || hour === undefined || minute > 59 || second > 59 || offsetMs === undefined) return undefined;
  const ms = dayMs + ((hour * 60 + minute) * 60 + second) * 1000 - offsetMs;
  return BigInt(ms) * 1_000_000n + fractionNs(parts.fraction);
}

/** From 0. */
function monthIndex(text: string): number {
  return /^\d/.test(text) ? Number(text) - 1 : MONTHS.indexOf(text.slice(0, 3).toLowerCase());
}

function hourOfDay(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour <= 23 ? hour : undefined;
  if (hour < 1 || hour > 12) return undefined;
  return hour % 12 + (half === "pm" ? 12 : 0);
}

function zoneOffsetMs(zone: string | undefined): number | undefined {
  const match = /^([+-])(\d\d):?(\d\d)?/.exec(zone ?? "");
  if (match === null) return 0; // no zone, Z, UTC, GMT
  const hours = Number(match[2]);
  const minutes = Number(match[3] ?? 0);
  if (hours > 23 || minutes > 59) return undefined;
  return (match[1] === "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

function fractionNs(digits: string | undefined): bigint {
  return digits === undefined ? 0n : BigInt(digits.padEnd(9, "0"));
}
