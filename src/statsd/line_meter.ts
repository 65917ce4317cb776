import type { Meter } from "../metric/mod.ts";

/** A meter whose samples are DogStatsD lines, handed to `send` one by one with an LF behind. */
export function lineMeter(send: (line: string) => void): Meter {
  const line = (name: string, value: string, type: string, tags: readonly string[] = []) => {
    // What the grammar gives a meaning to can't be part of a name or tag made up from data.
    const safeTags = tags.map((tag) => tag.replace(/[|,\n\r]/g, "_")).join(",");
    send(`${name.replace(/[:|\n\r]/g, "_")}:${value}|${type}${safeTags === "" ? "" : `|#${safeTags}`}\n`);
  };
  return {
    count: (name, value, tags) => line(name, String(value), "c", tags),
    gauge: (name, value, tags) => line(name, String(value), "g", tags),
    timing: (name, value, tags) => line(name, String(value), "ms", tags),
    set: (name, member, tags) => line(name, member.replace(/[|\n\r]/g, "_"), "s", tags),
  };
}
