import type { Point } from "../../metric/mod.ts";
import type { Encoder } from "../contract.ts";
import { resolveIdentity } from "../magic_tags.ts";
import { plainDecimal } from "../tsv.ts";
import { oncePerSeries } from "./series_points.ts";

/**
 * Points in InfluxDB's line protocol: `measurement,tag=value value=NUMBER UNIXSECONDS`, tags sorted by key. What the
 * protocol has no form for, an empty measurement or one that reads as a comment, is left out.
 */
export function newInfluxdbEncoder(): Encoder {
  const tagsOf = oncePerSeries(tagSet);
  return {
    point(point, out) {
      const measurement = escaped(point.name, /[, ]/g);
      if (measurement === "" || measurement.startsWith("#") || !Number.isFinite(point.value)) return false;
      out.appendText(`${measurement}${tagsOf(point)} value=${plainDecimal(point.value)} ${point.timestamp}`);
      return true;
    },
  };
}

/** `,key=value,…`, or nothing where there are no tags. A bare tag says `true`; of two with one key, the last counts. */
function tagSet(point: Point): string {
  const { tags, host, device } = resolveIdentity(point);
  const values = new Map<string, string>([["host", host], ["device", device]]);
  for (const tag of tags) {
    const colon = tag.indexOf(":");
    if (colon < 0) values.set(tag, "true");
    else values.set(tag.slice(0, colon), tag.slice(colon + 1));
  }
  let text = "";
  for (const key of [...values.keys()].sort()) {
    const [name, value] = [escaped(key, /[,= ]/g), escaped(values.get(key)!, /[,= ]/g)];
    if (name !== "" && value !== "") text += `,${name}=${value}`;
  }
  return text;
}

/**
 * `text` with a backslash before what is `special`. A line end becomes `\n`, which stays two characters there; a
 * backslash at the end would escape what follows, and there is no way to write one.
 */
function escaped(text: string, special: RegExp): string {
  return text.replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\\+$/, "").replace(special, "\\$&");
}
