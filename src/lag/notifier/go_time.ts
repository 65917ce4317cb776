/** Times as Go formats them, by a layout that is the reference time: Mon Jan 2 15:04:05 MST 2006. */

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** The parts of a layout, the longer ones first. */
const PART =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|Z07:00:00|Z07:00|Z0700|Z07|-07:00:00|-07:00|-0700|-07|_2(?!006)|002|01|02|03|04|05|06|15|PM|pm|[.,]0+(?!\d)|[.,]9+(?!\d)|1|2|3|4|5/g;

/** A moment, or Go's zero time. */
export class GoTime {
  /**
   * @param ms Unix milliseconds; null is the zero time, the first moment of year 1
   * @param isUtc whether it is shown in UTC; else in the host's zone
   */
  constructor(readonly ms: number | null, readonly isUtc = false) {}

  /** The time in a layout of Go's. */
  format(layout: string): string {
    const parts = partsOf(this.ms, this.isUtc);
    return layout.replaceAll(PART, (part) => partText(part, parts));
  }

  /** As Go prints a time that no layout is given for. */
  toString(): string {
    return this.format("2006-01-02 15:04:05.999999999 -0700 MST");
  }

  /** RFC 3339, as Go has it in JSON. */
  toJSON(): string {
    return this.format("2006-01-02T15:04:05.999999999Z07:00");
  }
}

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly dayOfYear: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly ms: number;
  readonly offsetMinutes: number;
  readonly zone: string;
}

function partsOf(ms: number | null, isUtc: boolean): Parts {
  if (ms === null) {
    const midnight = { hour: 0, minute: 0, second: 0, ms: 0, offsetMinutes: 0, zone: "UTC" };
    return { year: 1, month: 0, day: 1, weekday: 1, dayOfYear: 1, ...midnight };
  }
  const offsetMinutes = isUtc ? 0 : -new Date(ms).getTimezoneOffset();
  const at = new Date(ms + offsetMinutes * 60_000);
  const year = at.getUTCFullYear();
  return {
    year,
    month: at.getUTCMonth(),
    day: at.getUTCDate(),
    weekday: at.getUTCDay(),
    dayOfYear: Math.floor((at.getTime() - Date.UTC(year, 0, 1)) / 86_400_000) + 1,
    hour: at.getUTCHours(),
    minute: at.getUTCMinutes(),
    second: at.getUTCSeconds(),
    ms: at.getUTCMilliseconds(),
    offsetMinutes,
    zone: offsetMinutes === 0 ? "UTC" : zoneName(ms, offsetMinutes),
  };
}

/** The zone's short name; where it has none, its offset, as Go has it. */
function zoneName(ms: number, offsetMinutes: number): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(ms);
  const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  return /^[A-Z]{3,5}$/.test(name) ? name : offsetText(offsetMinutes, "").replace(/00$/, "");
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function offsetText(minutes: number, colon: string): string {
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(absolute / 60))}${colon}${two(absolute % 60)}`;
}

function partText(part: string, at: Parts): string {
  const { offsetMinutes } = at;
  switch (part) {
    case "January":
      return MONTHS[at.month]!;
    case "Jan":
      return MONTHS[at.month]!.slice(0, 3);
    case "1":
      return String(at.month + 1);
    case "01":
      return two(at.month + 1);
    case "Monday":
      return DAYS[at.weekday]!;
    case "Mon":
      return DAYS[at.weekday]!.slice(0, 3);
    case "2":
      return String(at.day);
    case "_2":
      return String(at.day).padStart(2);
    case "02":
      return two(at.day);
    case "002":
      return String(at.dayOfYear).padStart(3, "0");
    case "15":
      return two(at.hour);
    case "3":
      return String(at.hour % 12 || 12);
    case "03":
      return two(at.hour % 12 || 12);
    case "4":
      return String(at.minute);
    case "04":
      return two(at.minute);
    case "5":
      return String(at.second);
    case "05":
      return two(at.second);
    case "2006":
      return String(at.year).padStart(4, "0");
    case "06":
      return two(at.year % 100);
    case "PM":
      return at.hour < 12 ? "AM" : "PM";
    case "pm":
      return at.hour < 12 ? "am" : "pm";
    case "MST":
      return at.zone;
    case "-07":
      return offsetText(offsetMinutes, "").slice(0, 3);
    case "-0700":
      return offsetText(offsetMinutes, "");
    case "-07:00":
      return offsetText(offsetMinutes, ":");
    case "-07:00:00":
      return `${offsetText(offsetMinutes, ":")}:00`;
    default:
  }
  if (part.startsWith("Z")) return offsetMinutes === 0 ? "Z" : partText(`-${part.slice(1)}`, at);
  // A fraction: zeros keep their places, nines leave out zeros at the end.
  const digits = String(at.ms).padStart(3, "0").padEnd(part.length - 1, "0").slice(0, part.length - 1);
  if (part[1] === "0") return part[0] + digits;
  const shortened = digits.replace(/0+$/, "");
  return shortened === "" ? "" : part[0] + shortened;
}
