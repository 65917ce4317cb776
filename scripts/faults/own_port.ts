/** Ports that stay a peer's own while it does not listen. */

/** Below what the kernel gives to outgoing connections (`net.ipv4.ip_local_port_range`), which may take a port meanwhile. */
const LOWEST = 10_000, HIGHEST = 32_000;

/** What `listen` yields at the first free port of its own that it is tried at. @throws whatever it throws besides */
export function atOwnPort<Listener>(listen: (port: number) => Listener): Listener {
  const from = Math.floor(Math.random() * (HIGHEST - LOWEST));
  for (let i = 0; i < HIGHEST - LOWEST; i++) {
    try {
      return listen(LOWEST + (from + i) % (HIGHEST - LOWEST));
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`Cannot listen: no port from ${LOWEST} to ${HIGHEST} is free`);
}
