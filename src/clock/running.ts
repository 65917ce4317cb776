/**
 * Something that was started. Disposing stops it; disposing twice is harmless and joins a stop under way.
 */
export interface Running extends AsyncDisposable {
  /** Settles when it has stopped; rejects when it stopped by an error. */
  readonly done: Promise<void>;
}
