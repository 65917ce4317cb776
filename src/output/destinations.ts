import { blackhole } from "./clients/blackhole.ts";
import { datadog } from "./clients/datadog.ts";
import { debug } from "./clients/debug.ts";
import { file } from "./clients/file.ts";
import { influxdb } from "./clients/influxdb.ts";
import { kafka } from "./clients/kafka.ts";
import { otlp } from "./clients/otlp.ts";
import { prometheusExposition } from "./clients/prometheus_exposition.ts";
import { prometheusRemoteWrite } from "./clients/prometheus_remote_write.ts";
import { prometheusRepeater } from "./clients/prometheus_repeater.ts";
import { s3 } from "./clients/s3.ts";
import { stdout } from "./clients/stdout.ts";
import type { Destination } from "./contract.ts";

/** Every kind of destination there is. */
export const destinations: readonly Destination<unknown>[] = [
  datadog,
  file,
  stdout,
  influxdb,
  prometheusRemoteWrite,
  prometheusRepeater,
  prometheusExposition,
  otlp,
  kafka,
  s3,
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
