import { formatHttpAddress, type HttpAddress } from "../http/mod.ts";
import { adoptDescriptor, duplicateDescriptor, findInherited, sendEinhornAck } from "../linux/mod.ts";

/** Where HTTP is to be served, once the socket that a parent passed is found, if it is one of those. */
export interface OpenedHttpAddress {
  readonly address: Exclude<HttpAddress, { transport: "einhorn" }>;
  /** Tells the parent that it is served, where the parent wants to hear of it. */
  acknowledge(): Promise<void>;
}

/**
 * Opens the socket that an address names, where it names one that was inherited.
 *
 * @throws {InheritedSocketError} when there is none
 */
export function openInheritedHttp(address: HttpAddress): OpenedHttpAddress {
  if (address.transport !== "fd" && address.transport !== "einhorn") {
    return { address, acknowledge: () => Promise.resolve() };
  }
  const ids = { pid: Deno.pid, ppid: Deno.ppid };
  const { fd, ackPath } = findInherited(formatHttpAddress(address), Deno.env.toObject(), ids);
  return {
    // A copy: the server closes its own, and a reload may listen again.
    address: { transport: "fd", fd: duplicateDescriptor(adoptDescriptor(fd).fd) },
    async acknowledge() {
      if (ackPath !== undefined) await sendEinhornAck(ackPath, Deno.pid);
    },
  };
}
