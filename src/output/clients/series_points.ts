import type { Point } from "../../metric/mod.ts";

/**
 * What `make` makes of a point's tags, host and device, kept from one point to the next: the points of a flush come
 * series by series, and those of one series share the three.
 */
export function oncePerSeries<T>(make: (point: Point) => T): (point: Point) => T {
  let last: Point | undefined;
  let made: T;
  return (point) => {
    if (last?.tags !== point.tags || last.host !== point.host || last.device !== point.device) made = make(point);
    last = point;
    return made;
  };
}

/** What a rate or a count counted in its interval; exact where the flush kept the total. */
export function intervalTotal({ type, value, total, interval }: Point): number {
  return type === "count" ? value : total ?? value * (interval ?? 1);
}
