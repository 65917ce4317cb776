import type { Point } from "../../metric/mod.ts";
import { labelName } from "../exposition.ts";
import { resolveIdentity } from "../magic_tags.ts";

/** The label that holds a metric's name. */
export const NAME_LABEL = "__name__";

/**
 * A point's labels but for its name, sorted by name: its host and device and its `key:value` tags, of which the last of
 * two with one name counts. Bare tags say nothing to Prometheus, and an empty value is the same as no label, so both are
 * left out.
 *
 * @param hostLabel whether a host that no tag names is a label
 */
export function prometheusLabels(point: Point, hostLabel = true): readonly (readonly [name: string, value: string])[] {
  const { tags, host, device } = resolveIdentity(point);
  const labels = new Map<string, string>([["host", hostLabel ? host : ""], ["device", device]]);
  for (const tag of tags) {
    const colon = tag.indexOf(":");
    if (colon > 0) labels.set(labelName(tag.slice(0, colon)), tag.slice(colon + 1));
  }
  labels.delete(NAME_LABEL); // it would replace the metric's own
  return [...labels].filter(([, value]) => value !== "").sort(([a], [b]) => a < b ? -1 : 1);
}
