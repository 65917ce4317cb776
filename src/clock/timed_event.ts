/** What happens at a time of a scenario's own clock. */
export interface TimedEvent {
  /** Seconds. */
  readonly at: number;
  readonly [field: string]: unknown;
}

/** Reads a line of a scenario, an object of JSON with its time in `at`. @returns the event, or what is wrong with the line */
export function readTimedEvent(line: string): TimedEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return `Cannot read the event: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (typeof value !== "object" || value === null || !("at" in value) || typeof value.at !== "number") {
    return 'Cannot read the event: it needs "at", in seconds';
  }
  return { ...value, at: value.at };
}
