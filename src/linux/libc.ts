/** The functions of glibc that Limier calls. On 64-bit Linux every `size_t` and address is a `usize`. */
const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "pointer", "u32", "i32", "pointer"], result: "i32" },
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" }, // variadic too
  geteuid: { parameters: [], result: "u32" },
  // open and fcntl are variadic in C; both targets pass these integers as they would pass named ones.
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // For bpf(2), which glibc has no function of its own for. Variadic too.
  bpf: { name: "syscall", parameters: ["isize", "i32", "buffer", "usize"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  mallopt: { parameters: ["i32", "i32"], result: "i32", optional: true },
  gnu_get_libc_version: { parameters: [], result: "pointer", optional: true },
  errnoLocation: { name: "__errno_location", parameters: [], result: "pointer" },
  // memcpy under three signatures reads foreign memory and tells the address of ours. Deno's own ways to do so
  // (UnsafePointer, UnsafePointerView) ask for the FFI permission at each call, and fail once it has been revoked.
  copyFrom: { name: "memcpy", parameters: ["buffer", "pointer", "usize"], result: "pointer" },
  pointerOf: { name: "memcpy", parameters: ["buffer", "buffer", "usize"], result: "pointer" },
  addressOf: { name: "memcpy", parameters: ["buffer", "buffer", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The typed functions of libc; see the Linux manual, sections 2 and 3. They return -1 and set errno on failure. */
export type Libc = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/** Why libc cannot be called. */
export type UnavailableReason = "not_linux" | "wrong_architecture" | "not_permitted" | "no_libc";

/** Thrown where the kernel cannot be reached by FFI, so that a caller can fall back to what Deno offers. */
export class LinuxUnavailable extends Error {
  override readonly name = "LinuxUnavailable";
  readonly code = "linux.unavailable";

  constructor(readonly reason: UnavailableReason, state: string, options?: ErrorOptions) {
    super(`Cannot call libc: ${state}`, options);
  }
}

/** What {@linkcode loadLibc} asks of its surroundings. */
export interface LibcHost {
  os: string;
  arch: string;
  dlopen(library: string, symbols: typeof SYMBOLS): { symbols: Libc };
}

let opened: Libc | undefined;

/**
 * Opens libc on first use and keeps it for the life of the isolate; never closed, because functions outlive scopes.
 * What it returns goes on working after the FFI permission is revoked.
 *
 * @throws {LinuxUnavailable} not on 64-bit Linux, without `--allow-ffi`, or without glibc
 */
export function openLibc(): Libc {
  opened ??= loadLibc({ os: Deno.build.os, arch: Deno.build.arch, dlopen: Deno.dlopen });
  return opened;
}

/** Why {@linkcode openLibc} can't; `undefined` where it can. */
export function whyNoFfi(): string | undefined {
  try {
    openLibc();
    return undefined;
  } catch (error) {
    if (error instanceof LinuxUnavailable) return error.message;
    throw error;
  }
}

/** What {@linkcode openLibc} does the first time, on a given host. @throws {LinuxUnavailable} */
export function loadLibc(host: LibcHost): Libc {
  if (host.os !== "linux") {
    throw new LinuxUnavailable("not_linux", `this is ${host.os}; the kernel interfaces used here are Linux's`);
  }
  if (host.arch !== "x86_64" && host.arch !== "aarch64") {
    throw new LinuxUnavailable(
      "wrong_architecture",
      `structures are laid out for x86_64 and aarch64, not ${host.arch}`,
    );
  }
  try {
    return host.dlopen("libc.so.6", SYMBOLS).symbols;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) {
      throw new LinuxUnavailable("not_permitted", "run with --allow-ffi (a list of paths cannot name libc.so.6)", {
        cause,
      });
    }
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new LinuxUnavailable("no_libc", `no usable libc.so.6, glibc 2.28 or newer is needed: ${detail}`, { cause });
  }
}
