/**
 * What was wrong with the bytes: `bytes.truncated` they end too early, `bytes.varint` a variable-length number does not
 * end or does not fit, `bytes.field` a protobuf field has an impossible number, wire type or nesting.
 */
export type ByteErrorCode = "bytes.truncated" | "bytes.varint" | "bytes.field";

/** Bytes that can't be read as what they should be. Whoever reads the network catches it and counts it by `code`. */
export class ByteError extends RangeError {
  override readonly name = "ByteError";

  /**
   * @param code what was wrong
   * @param offset where, counted from the start of the array the reader was given
   * @param message what could not be read
   */
  constructor(readonly code: ByteErrorCode, readonly offset: number, message: string) {
    super(message);
  }
}
