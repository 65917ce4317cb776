import { Api, type KafkaRequest, type VersionRange } from "./request.ts";
import { readArray } from "./primitives.ts";

/** What a broker speaks, by the request's number, or its error. */
export interface ApiVersions {
  readonly error: number;
  readonly ranges: ReadonlyMap<number, VersionRange>;
}

/** ApiVersions v2, which every broker answers. */
export function apiVersionsRequest(): KafkaRequest<ApiVersions> {
  return {
    api: Api.apiVersions,
    version: 2,
    what: "ask which requests it speaks",
    body: new Uint8Array(0),
    read(reader) {
      const error = reader.i16be();
      const entries = readArray(reader, (r) => [r.i16be(), { min: r.i16be(), max: r.i16be() }] as const);
      return { error, ranges: new Map(entries) };
    },
  };
}
