/**
 * Something that was started. Disposing stops it; disposing twice is harmless and joins a stop under way.
 */
export interface Running extends AsyncDisposable {
  /** Settles when it has stopped; rejects when it stopped by an error. */
  readonly done: Promise<void>;
}

/**
 * Starts a part whole or not at all: what a failed start leaves running is stopped before that is thrown.
 *
 * @throws whatever `start` does
 */
export async function startWhole<Part extends AsyncDisposable & { start(): Promise<void> }>(part: Part): Promise<Part> {
  try {
    await part.start();
    return part;
  } catch (error) {
    await part[Symbol.asyncDispose]();
    throw error;
  }
}
