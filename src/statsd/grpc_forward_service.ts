/** `forwardrpc.Forward`: where local instances hand on over gRPC what a global one publishes. */
import { ByteError, ProtoReader } from "../bytes/mod.ts";
import { Code, type GrpcMethods, type GrpcStatus, unary } from "../grpc/mod.ts";

/** The paths of its methods. */
export const FORWARD_PATHS = {
  /** One list of metrics: Veneur 6.0 to 14.2. */
  list: "/forwardrpc.Forward/SendMetrics",
  /** A stream of metrics: Veneur from 14.2 on. */
  stream: "/forwardrpc.Forward/SendMetricsV2",
} as const;

/** What the service does with what it gets. */
export interface ForwardIntake {
  /** Takes one `metricpb.Metric`, valid during the call. */
  metric(bytes: Uint8Array): void;
  /** Told of a `forwardrpc.MetricList` that is none; nothing of it was taken. */
  malformed(): void;
}

/** The most bytes of a list, as of the body of an import. */
const MOST_LIST_BYTES = 64 * 1024 * 1024;
/** The most bytes of one metric: a dense set of the older generation would be a quarter of a megabyte. */
const MOST_METRIC_BYTES = 4 * 1024 * 1024;
/** `google.protobuf.Empty`. */
export const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** The methods of the service. A metric that can't be used is passed over; only a list that is none is refused. */
export function forwardMethods(intake: ForwardIntake): GrpcMethods {
  return {
    [FORWARD_PATHS.list]: unary(MOST_LIST_BYTES, (bytes) => {
      const metrics = metricsOf(bytes);
      if (!Array.isArray(metrics)) {
        intake.malformed();
        return metrics;
      }
      for (const metric of metrics) intake.metric(metric);
      return EMPTY;
    }),
    [FORWARD_PATHS.stream]: {
      kind: "clientStream",
      maxMessageBytes: MOST_METRIC_BYTES,
      // A stream may stay open as long as its sender: what comes is taken at once.
      newCall: () => ({
        message(bytes) {
          intake.metric(bytes);
          return undefined;
        },
        end: () => EMPTY,
      }),
    },
  };
}

/** The metrics of a list: views of its bytes. */
export function metricsOf(list: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] | GrpcStatus;
export function metricsOf(list: Uint8Array): Uint8Array[] | GrpcStatus;
export function metricsOf(list: Uint8Array): Uint8Array[] | GrpcStatus {
  const metrics: Uint8Array[] = [];
  try {
    const reader = new ProtoReader(list);
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) metrics.push(reader.bytes());
      else reader.skip();
    }
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    return { code: Code.INTERNAL, message: `Cannot read the list of metrics: ${error.message}` };
  }
  return metrics;
}
