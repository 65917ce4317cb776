/** How often an archive's marshaller looks after its files, in milliseconds. */
export const TICK_MS = 200;
/** How often it looks which addresses are this host's. */
export const OWN_ADDRESSES_MS = 5000;

/** The addresses of this host's interfaces, as text. */
export function ownAddresses(): string[] {
  return Deno.networkInterfaces().map(({ address }) => address);
}
