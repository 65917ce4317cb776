/** `grpc.health.v1.Health`, as load balancers and probes ask for it (gRPC, "Health Checking Protocol"). */
import { ByteError, ProtoReader } from "../bytes/mod.ts";
import { type GrpcMethods, unary } from "./service.ts";
import { Code, type GrpcStatus } from "./status.ts";

/** `HealthCheckResponse{1 enum status}`, by what it says. */
const SERVING = Uint8Array.of(8, 1), NOT_SERVING = Uint8Array.of(8, 2), SERVICE_UNKNOWN = Uint8Array.of(8, 3);

const MOST_BYTES = 65_536;

/**
 * The health service of a server that is well as long as it runs.
 *
 * @param services whose health may be asked for, beside "", which is the whole server
 */
export function healthMethods(services: readonly string[]): GrpcMethods {
  const known = (name: string) => name === "" || services.includes(name);
  return {
    "/grpc.health.v1.Health/Check": unary(MOST_BYTES, (request) => {
      const name = readService(request);
      if (typeof name !== "string") return name;
      if (known(name)) return SERVING;
      return {
        code: Code.NOT_FOUND,
        message: `Cannot tell the health of ${JSON.stringify(name)}: there is no such service`,
      };
    }),
    "/grpc.health.v1.Health/Watch": {
      kind: "watch",
      maxMessageBytes: MOST_BYTES,
      first(request) {
        const name = readService(request);
        if (typeof name !== "string") return name;
        return known(name) ? SERVING : SERVICE_UNKNOWN;
      },
      last: (request) => known(String(readService(request))) ? NOT_SERVING : SERVICE_UNKNOWN,
    },
  };
}

/** `HealthCheckRequest{1 string service}`. */
function readService(request: Uint8Array): string | GrpcStatus {
  let name = "";
  try {
    const reader = new ProtoReader(request);
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) name = reader.text();
      else reader.skip();
    }
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    return { code: Code.INTERNAL, message: error.message };
  }
  return name;
}
