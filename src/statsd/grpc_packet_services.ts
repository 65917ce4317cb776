/** `dogstatsd.DogstatsdGRPC` and `ssf.SSFGRPC`: packets of lines, and spans, over gRPC. */
import { ByteError, ProtoReader, ProtoWriter } from "../bytes/mod.ts";
import { Code, type GrpcMethods, type GrpcStatus, unary } from "../grpc/mod.ts";
import { EMPTY } from "./grpc_forward_service.ts";
import { MAX_FRAME_BYTES } from "./ssf_frames.ts";
import { type DecodedSpan, decodeSpan } from "./ssf_wire.ts";
import { isWireError, type WireError } from "./wire_error.ts";

/** The paths of the methods. */
export const PACKET_PATHS = {
  packet: "/dogstatsd.DogstatsdGRPC/SendPacket",
  span: "/ssf.SSFGRPC/SendSpan",
} as const;

/** What the services do with what they get. */
export interface PacketIntake {
  /** Takes the lines of one packet, valid during the call. */
  packet(bytes: Uint8Array): void;
  /** Takes a span, which is its own. */
  span(decoded: DecodedSpan): void;
  /** Told of a span that is none. */
  refusedSpan(error: WireError): void;
}

/** The most bytes of a packet; of what is longer than `metric_max_length`, the whole lines below it are taken. */
const MOST_PACKET_BYTES = 4 * 1024 * 1024;

/** The methods of both services. A bad line is counted and passed over, as in a datagram; a bad span is refused. */
export function packetMethods(intake: PacketIntake): GrpcMethods {
  return {
    [PACKET_PATHS.packet]: unary(MOST_PACKET_BYTES, (request) => {
      const packet = readPacket(request);
      if (!(packet instanceof Uint8Array)) return packet;
      intake.packet(packet);
      return EMPTY;
    }),
    [PACKET_PATHS.span]: unary(MAX_FRAME_BYTES, (request) => {
      const decoded = decodeSpan(request);
      if (!isWireError(decoded)) {
        intake.span(decoded);
        return EMPTY;
      }
      intake.refusedSpan(decoded);
      const code = decoded.reason === "zerolength" ? Code.INVALID_ARGUMENT : Code.INTERNAL;
      return { code, message: decoded.message };
    }),
  };
}

/** `DogstatsdPacket{1 bytes packetBytes}` around the lines of a packet. */
export function encodePacket(lines: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new ProtoWriter(lines.length + 16);
  out.bytes(1, lines);
  return out.copy();
}

function readPacket(request: Uint8Array): Uint8Array | GrpcStatus {
  let packet: Uint8Array = EMPTY;
  try {
    const reader = new ProtoReader(request);
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) packet = reader.bytes();
      else reader.skip();
    }
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    return { code: Code.INTERNAL, message: `Cannot read the packet: ${error.message}` };
  }
  return packet;
}
