/// <reference lib="deno.worker" />
/** Sends one load on a thread of its own, and says when the last of it was sent. */
import { type LoadOptions, type LoadResult, sendLoad } from "../load/datagrams.ts";

/** What the worker answers. */
export type FromSender =
  | { readonly kind: "sent"; readonly result: LoadResult; readonly endedMs: number }
  | { readonly kind: "failed"; readonly message: string };

self.onmessage = ({ data }: MessageEvent<LoadOptions>) => {
  const tell = (message: FromSender) => self.postMessage(message);
  try {
    const result = sendLoad(data);
    tell({ kind: "sent", result, endedMs: performance.timeOrigin + performance.now() });
  } catch (error) {
    tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};
