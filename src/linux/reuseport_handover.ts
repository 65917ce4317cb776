/** The reuseport groups of a process, by names that its successor knows them by. */
import {
  type GroupPredecessor,
  openReuseportGroup,
  type ReuseportGroup,
  type ReuseportGroupOptions,
} from "./reuseport.ts";

/** A group as its process describes it to the next one. */
export interface GroupOffer extends GroupPredecessor {
  /** Where it is bound, whatever the configuration says. */
  readonly port: number;
}

/**
 * Opens the groups of a process, so that they can be handed over. Every part that receives over UDP opens its groups here;
 * one part, which talks to the other process, calls the rest.
 *
 * A name says what the configuration says of the address, such as `statsd udp://127.0.0.1:8125`: a group of the same name
 * is taken over, whatever else has changed.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { GroupHandover } from "@limier/limier/linux";
 *
 * const address = { hostname: "127.0.0.1", port: 0 };
 * const old = new GroupHandover();
 * using before = old.open("flow udp://127.0.0.1:0", { address, sockets: 2 });
 *
 * const young = new GroupHandover(old.offers()); // in another process
 * using after = young.open("flow udp://127.0.0.1:0", { address, sockets: 2 });
 * assert.equal(after.address.port, before.address.port);
 * young.takeOver(); // once its sockets are read from
 * before.close(); // once they are drained
 * young.balance();
 * ```
 */
export class GroupHandover {
  readonly #offered: ReadonlyMap<string, GroupOffer>;
  readonly #groups = new Map<string, ReuseportGroup>();
  #isTaken = false;

  /** @param offered what the predecessor's `offers()` said; none if there is no predecessor */
  constructor(offered: Readonly<Record<string, GroupOffer>> = {}) {
    this.#offered = new Map(Object.entries(offered));
  }

  /**
   * Opens a group that a successor may take over, and if the predecessor has one of that name, on its port; after
   * `takeOver()`, only where the predecessor has closed its own. The group stays its opener's, who closes it.
   *
   * @throws what {@linkcode openReuseportGroup} throws
   * @throws {RangeError} if there is a group of that name already
   */
  open(name: string, options: Omit<ReuseportGroupOptions, "handsOver" | "predecessor">): ReuseportGroup {
    if (this.#groups.has(name)) {
      throw new RangeError(`Cannot open two groups named ${name}: remove one of the addresses`);
    }
    const offered = this.#offered.get(name);
    const predecessor = this.#isTaken ? undefined : offered;
    const group = openReuseportGroup({
      ...options,
      handsOver: true,
      ...offered === undefined ? {} : { address: { ...options.address, port: offered.port } },
      ...predecessor === undefined ? {} : { predecessor },
    });
    this.#groups.set(name, group);
    return group;
  }

  /** What a successor is told. */
  offers(): Record<string, GroupOffer> {
    return Object.fromEntries(Array.from(this.#groups, ([name, group]) => {
      const { sockets: { length: sockets }, balancing, address: { port } } = group;
      return [name, { sockets, balancing, port }];
    }));
  }

  /** From now on, what came to the predecessor's groups comes here. @throws {SystemError} */
  takeOver(): void {
    this.#isTaken = true;
    for (const group of this.#groups.values()) group.takeOver();
  }

  /** Each group's own balance: when the predecessor has closed its sockets, or a successor has gone. @throws {SystemError} */
  balance(): void {
    for (const group of this.#groups.values()) group.balance();
  }
}
