import type { PreparedDatagrams } from "./sender.ts";

/** `Deno.test` for what needs the kernel: skipped, and shown as skipped, where this is not Linux. */
export function linuxTest(name: string, body: () => void | Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os !== "linux", fn: body });
}

/** As {@linkcode linuxTest}, for what needs `::1`: many containers have no IPv6. */
export function ipv6Test(name: string, body: () => void | Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os !== "linux" || !hasIpv6Loopback(), fn: body });
}

function hasIpv6Loopback(): boolean {
  try {
    return Deno.readTextFileSync("/proc/net/if_inet6").includes("0".repeat(31) + "1 ");
  } catch {
    return false; // a kernel without IPv6 has no such file
  }
}

/** The first `count` datagrams that arrive, or fewer when `attempts` timeouts went by. */
export function collect(
  receiver: { receive(): number; buffer: Uint8Array; offset(i: number): number; length(i: number): number },
  count: number,
  attempts = 20,
): string[] {
  const decoder = new TextDecoder();
  const got: string[] = [];
  for (let idle = 0; got.length < count && idle < attempts;) {
    const received = receiver.receive();
    if (received === 0) idle++;
    for (let i = 0; i < received; i++) {
      const start = receiver.offset(i);
      got.push(decoder.decode(receiver.buffer.subarray(start, start + receiver.length(i))));
    }
  }
  return got;
}

/** The texts as datagrams one behind the other. */
export function prepare(texts: string[]): PreparedDatagrams {
  const encoder = new TextEncoder();
  const all = texts.map((text) => encoder.encode(text));
  const lengths = Uint32Array.from(all, (bytes) => bytes.length);
  const offsets = new Uint32Array(all.length);
  let end = 0;
  for (const [i, bytes] of all.entries()) {
    offsets[i] = end;
    end += bytes.length;
  }
  const buffer = new Uint8Array(end);
  for (const [i, bytes] of all.entries()) buffer.set(bytes, offsets[i]);
  return { buffer, offsets, lengths };
}
