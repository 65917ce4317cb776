/**
 * What was wrong with a serialised sketch: `sketch.truncated` it ends too early, `sketch.format` it is not of its form,
 * `sketch.trailing` something follows its end, `sketch.size` it holds more than is allowed, `sketch.centroid` a centroid
 * is impossible, `sketch.key` a sparse key is impossible, `sketch.precision` it is of another precision than ours.
 */
export type SketchErrorCode =
  | "sketch.truncated"
  | "sketch.format"
  | "sketch.trailing"
  | "sketch.size"
  | "sketch.centroid"
  | "sketch.key"
  | "sketch.precision";

/** A serialised sketch that must not be used. Whoever imports sketches catches it and counts it by `code`. */
export class SketchError extends RangeError {
  override readonly name = "SketchError";

  /**
   * @param code what was wrong
   * @param message what could not be decoded, and why
   * @param options `cause`: the error of the reader below
   */
  constructor(readonly code: SketchErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
  }
}
