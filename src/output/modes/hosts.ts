import type { Connectable } from "./link.ts";
import type { HostClient } from "./mode.ts";

/** An output has no host to deliver to. */
export class NoHostsError extends RangeError {
  override readonly name = "NoHostsError";
  readonly code = "output.no_hosts";

  constructor() {
    super("Cannot make clients: no host is configured; name at least one under hosts");
  }
}

/** Which hosts there are, and how many connections each gets. */
export interface HostSettings {
  readonly hosts?: readonly string[];
  /** The one host of older configurations; not looked at where there are `hosts`. */
  readonly host?: string;
  /** Connections a host; less than 1 is 1. @default 1 */
  readonly worker?: number;
  /** Another name of `worker`, which wins. */
  readonly workers?: number;
}

/**
 * The hosts of every connection: each as often as there are workers, host after host: a, a, a, b, b, b.
 *
 * @throws {NoHostsError} when there are none
 */
export function connectionHosts({ hosts = [], host, worker, workers }: HostSettings): string[] {
  const each = hosts.length > 0 ? hosts : host === undefined || host === "" ? [] : [host];
  if (each.length === 0) throw new NoHostsError();
  const times = Math.max(1, worker ?? workers ?? 1);
  return each.flatMap((one) => Array<string>(times).fill(one));
}

/**
 * Makes one client for each connection. When one can't be made, those made before are closed, whatever they say to that.
 *
 * @throws {NoHostsError} when there is no host, and whatever `newClient` throws
 */
export function makeClients<Client extends Pick<Connectable, "close">>(
  settings: HostSettings,
  newClient: (host: string) => Client,
): HostClient<Client>[] {
  const made: HostClient<Client>[] = [];
  try {
    for (const host of connectionHosts(settings)) made.push({ host, client: newClient(host) });
  } catch (error) {
    for (const { client } of made) client.close().catch(() => {}); // the error that counts is the one on its way
    throw error;
  }
  return made;
}
