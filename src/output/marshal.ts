import type { ClientDeps } from "./contract.ts";

/** Makes the body of a request, and tells how long that took as a part of `action`. */
export async function marshal(
  { clock, observe }: Pick<ClientDeps, "clock" | "observe">,
  action: string,
  make: () => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const startMs = clock.monotonic();
  const body = await make();
  observe?.({ action, durationMs: { part: "marshal", value: clock.monotonic() - startMs } });
  return body;
}
