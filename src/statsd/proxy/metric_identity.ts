/** What a `metricpb.Metric` says it is, without what it holds. Pure. */
import { ByteError, ProtoReader } from "../../bytes/mod.ts";
import { compareUtf8 } from "../tags.ts";
import type { RingKeys } from "./ring_key.ts";

/** `metricpb.Type`, by its numbers. */
const TYPES = ["counter", "gauge", "histogram", "set", "timer"];

/** Fields of `metricpb.Metric`. */
const Field = { name: 1, tags: 2, type: 3 } as const;

/** The key of a metric on the ring; `undefined` when it is no such message or has no name. */
export function metricKey(bytes: Uint8Array, keys: RingKeys): string | undefined {
  let name = "", type = 0;
  const tags: string[] = [];
  try {
    const reader = new ProtoReader(bytes);
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === Field.name) name = reader.text();
      else if (field === Field.tags) tags.push(reader.text());
      else if (field === Field.type) type = reader.int32();
      else reader.skip();
    }
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    return undefined;
  }
  if (name === "") return undefined;
  const sorted = [...new Set(tags.filter((tag) => tag !== ""))].sort(compareUtf8);
  return keys.keyOf(name, TYPES[type] ?? String(type), sorted); // one that is new here may be known there
}
