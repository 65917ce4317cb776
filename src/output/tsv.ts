import type { Point } from "../metric/mod.ts";
import { resolveIdentity } from "./magic_tags.ts";

/** How rows are written. */
export interface TsvOptions {
  /** `v1`: ten columns; `v7`: eight, without Hostname and DeviceName. */
  readonly columns: "v1" | "v7";
  /** One character between columns. */
  readonly delimiter: string;
  /** The server that flushes, the column VeneurHostname. */
  readonly hostname: string;
}

/**
 * A function that writes points as rows without their line feed: Name, Tags, MetricType, Hostname, VeneurHostname,
 * DeviceName, Interval, Timestamp, Value, Partition. Times are UTC on the 24-hour clock.
 */
export function newTsvRow(options: TsvOptions): (point: Point) => string {
  const { delimiter } = options;
  const special = new RegExp(`["\r\n${RegExp.escape(delimiter)}]|^ `);
  const field = (text: string) => special.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const server = field(options.hostname);
  let stampedAt = NaN;
  let stamp = "";
  let partition = "";

  return (point) => {
    if (point.timestamp !== stampedAt) { // the points of a flush share it
      stampedAt = point.timestamp;
      const iso = new Date(stampedAt * 1000).toISOString();
      stamp = field(`${iso.slice(0, 10)} ${iso.slice(11, 19)}`);
      partition = iso.slice(0, 10).replaceAll("-", "");
    }
    const { tags, host, device } = resolveIdentity(point);
    const own = options.columns === "v1" ? [field(host), server, field(device)] : [server];
    return [
      field(point.name),
      field(`{${tags.join(",")}}`),
      point.type,
      ...own,
      point.type === "gauge" ? "0" : String(point.interval ?? 0),
      stamp,
      plainDecimal(point.value),
      partition,
    ].join(delimiter);
  };
}

/** The shortest decimal that reads back as `value`, without an exponent. */
export function plainDecimal(value: number): string {
  const text = String(value);
  const e = text.indexOf("e");
  if (e < 0) return text;
  const exponent = Number(text.slice(e + 1));
  const sign = text.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = text.slice(sign.length, e).split(".");
  return exponent < 0
    ? `${sign}0.${"0".repeat(-exponent - 1)}${whole}${fraction}`
    : `${sign}${whole}${fraction.padEnd(exponent, "0")}`;
}
