import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import type { Point } from "../../metric/mod.ts";
import { readOutputs } from "../config.ts";
import type { Output } from "../delivery_parts.ts";
import { destinationOf } from "../destinations.ts";
import { OutputEncoder } from "../encode.ts";
import { startOutput } from "../output.ts";
import { testDeps } from "../testing.ts";

/** An output as its configuration makes it, and what turns points into its batches. */
export function openOutput(settings: Readonly<Record<string, unknown>>): {
  readonly output: Output;
  /** Delivers the points of one flush, until the first request that fails; how each batch ended. */
  readonly flush: (points: readonly Point[], timestamp: number) => Promise<unknown[]>;
} {
  const [config] = readOutputs([Section.of({ name: "out", max_retries: 0, ...settings })], { defaultStdout: false });
  let deadline = new AbortController();
  const output = startOutput(config!, {
    ...testDeps(fetch, realClock),
    // What a server refuses for its settings is held; here nobody waits for better ones.
    observe: ({ errorCause }) => errorCause !== undefined && setTimeout(() => deadline.abort("deadline"), 50),
  });
  const encoder = new OutputEncoder(config!, destinationOf(config!.kind).newEncoder(config!.own));
  return {
    output,
    flush: (points, timestamp) => {
      deadline = new AbortController();
      const { signal } = deadline;
      return Promise.all(encoder.points(points, timestamp).map((batch) => output.offer(batch, signal)));
    },
  };
}
