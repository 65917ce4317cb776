import { blackhole } from "./clients/blackhole.ts";
import { datadog } from "./clients/datadog.ts";
import { debug } from "./clients/debug.ts";
import { file } from "./clients/file.ts";
import { prometheusExposition } from "./clients/prometheus_exposition.ts";
import { stdout } from "./clients/stdout.ts";
import type { Destination } from "./contract.ts";

/** Every kind of destination there is. */
export const destinations: readonly Destination<unknown>[] = [
  datadog,
  file,
  stdout,
  prometheusExposition,
  debug,
  blackhole,
];

/**
 * The destination of that kind.
 *
 * @throws {RangeError} when there is none; a configuration that was read has no such kind
 */
export function destinationOf(kind: string): Destination<unknown> {
  const found = destinations.find((one) => one.kind === kind);
  if (found === undefined) throw new RangeError(`Cannot make an output of kind ${kind}: there is no such kind`);
  return found;
}
