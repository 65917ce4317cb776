/** What a server offers: methods, by their paths. */
import type { GrpcStatus } from "./status.ts";

/** One call under way. Everything is taken in at once: what a call does is done when its function returns. */
export interface GrpcCall {
  /** Takes the next message, valid during the call; a status ends the call with it. */
  message(bytes: Uint8Array): GrpcStatus | undefined;
  /** The caller has sent everything: the answer. Not called when the call ended in another way. */
  end(): Uint8Array | GrpcStatus;
}

/** A method of which one answer comes: unary, or with a stream of requests. */
export interface AnsweringMethod {
  readonly kind: "unary" | "clientStream";
  /** Bytes of the longest message. */
  readonly maxMessageBytes: number;
  newCall(): GrpcCall;
}

/** A method that answers at once and then says nothing until the server stops. */
export interface WatchMethod {
  readonly kind: "watch";
  readonly maxMessageBytes: number;
  /** The answer to a request. */
  first(request: Uint8Array): Uint8Array | GrpcStatus;
  /** What is said when the server stops. */
  last(request: Uint8Array): Uint8Array;
}

export type GrpcMethod = AnsweringMethod | WatchMethod;

/** Methods by path: `/package.Service/Method`. */
export type GrpcMethods = Readonly<Record<string, GrpcMethod>>;

/** A unary method from a function. */
export function unary(maxMessageBytes: number, answer: (request: Uint8Array) => Uint8Array | GrpcStatus): GrpcMethod {
  return {
    kind: "unary",
    maxMessageBytes,
    newCall() {
      let answered: Uint8Array | GrpcStatus | undefined;
      return {
        message(bytes) {
          answered = answer(bytes);
          return answered instanceof Uint8Array ? undefined : answered;
        },
        end: () => answered!, // the server ends no unary call without its message
      };
    },
  };
}
