/** One call in a stack trace, named as Sentry names its parts. */
export interface StackFrame {
  readonly function: string;
  readonly filename: string;
  /** 1-based. */
  readonly lineno: number;
  /** 1-based. */
  readonly colno: number;
  /** The runtime's own code is not. */
  readonly in_app: boolean;
}

/** More calls than this say nothing new. */
const MOST_FRAMES = 50;

/** The calls in an error's `stack` as V8 writes it, the outermost first; lines that are no call are passed over. */
export function stackFrames(stack: string | undefined): StackFrame[] {
  const frames: StackFrame[] = [];
  for (const line of (stack ?? "").split("\n")) {
    //     at async Server.accept (file:///src/server.ts:10:5)
    //     at file:///src/server.ts:10:5
    const match = /^\s+at (?:(.*?) \()?(.+?):(\d+):(\d+)\)?$/.exec(line);
    if (match === null) continue;
    const [, called, filename = "", lineno, colno] = match;
    frames.push({
      function: called ?? "?",
      filename,
      lineno: Number(lineno),
      colno: Number(colno),
      in_app: !/^(ext:|node:|native)/.test(filename),
    });
    if (frames.length === MOST_FRAMES) break;
  }
  return frames.reverse();
}
