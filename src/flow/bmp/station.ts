/** One router's connection: its messages in, changes of the table out. No sockets, no clock. */
import type { CounterChild, Reporter } from "../../telemetry/mod.ts";
import { NEXT_HOP_WORDS } from "./attribute_sets.ts";
import { BgpUpdate, type UpdateContext } from "./bgp_update.ts";
import type { BmpMetrics } from "./bmp_metrics.ts";
import type { BmpSettings } from "./config.ts";
import {
  MESSAGE_LABELS,
  MessageType,
  parseInitiation,
  parsePeerHeader,
  parsePeerUp,
  type PeerHeader,
} from "./messages.ts";
import type { NlriList } from "./nlri.ts";
import type { Rib, RibPeer } from "./rib.ts";
import { RouteFilter } from "./route_filter.ts";

/** Peers of one connection. */
const MOST_PEERS = 10_000;

/** A peer of the router. */
interface Peer extends UpdateContext {
  readonly rib: RibPeer;
  hasShortAs: boolean;
  /** Families whose prefixes come with path ids, `AFI * 256 + SAFI`. */
  pathIdFamilies: ReadonlySet<number>;
}

/** What a connection is given. */
export interface StationDeps {
  readonly rib: Rib;
  readonly metrics: BmpMetrics;
  readonly reporter: Reporter;
}

const NO_FAMILIES: ReadonlySet<number> = new Set();

/** The settings that concern messages. */
export type StationSettings = Pick<
  BmpSettings,
  "rds" | "rts" | "collectsAsns" | "collectsAsPaths" | "collectsCommunities"
>;

/** Handles the messages of one connection. */
export class Station {
  readonly #exporter: string;
  readonly #settings: StationSettings;
  readonly #deps: StationDeps;
  readonly #filter: RouteFilter;
  readonly #peers = new Map<string, Peer>();
  readonly #update = new BgpUpdate();
  readonly #messages: readonly CounterChild[];
  readonly #added: CounterChild;
  readonly #updated: CounterChild;
  readonly #removed: CounterChild;
  #words = new Uint32Array(256);
  #isInitiated = false;

  /** @param exporter the router's address, for metrics and logs */
  constructor(exporter: string, settings: StationSettings, deps: StationDeps) {
    this.#exporter = exporter;
    this.#settings = settings;
    this.#deps = deps;
    this.#filter = new RouteFilter(settings.rds, settings.rts);
    const { metrics } = deps;
    this.#messages = MESSAGE_LABELS.map((type) => metrics.messages.child({ exporter, type }));
    this.#added = metrics.prefixesAdded.child({ exporter });
    this.#updated = metrics.prefixesUpdated.child({ exporter });
    this.#removed = metrics.prefixesRemoved.child({ exporter });
  }

  /** Peers that are up. */
  get peers(): number {
    return this.#peers.size;
  }

  /** Routes of all peers. */
  get routes(): number {
    let sum = 0;
    for (const { rib } of this.#peers.values()) sum += rib.routes;
    return sum;
  }

  /** Handles one whole message, whatever its octets. @returns whether the connection goes on */
  handle(message: Uint8Array): boolean {
    const { reporter } = this.#deps;
    const type = message[5]!;
    this.#messages[type]?.inc();
    if (!this.#isInitiated && type !== MessageType.initiation) {
      this.#error("no initiation");
      return false;
    }
    switch (type) {
      case MessageType.initiation: {
        const name = parseInitiation(message);
        if (name === undefined) {
          this.#error("malformed initiation");
          return false;
        }
        if (!this.#isInitiated) reporter.info(`A router sends its routes: ${this.#exporter}`, { name });
        this.#isInitiated = true;
        return true;
      }
      case MessageType.termination:
        reporter.info(`A router ends its connection: ${this.#exporter}`);
        return false;
      case MessageType.statisticsReport:
      case MessageType.routeMirroring:
        return true;
      case MessageType.peerUp:
      case MessageType.peerDown:
      case MessageType.routeMonitoring:
        break;
      default:
        this.#deps.metrics.messages.inc(1, { exporter: this.#exporter, type: "unknown" });
        this.#error("unknown message type");
        return true;
    }
    const header = parsePeerHeader(message);
    if (header === undefined) this.#error("malformed peer header");
    else if (type === MessageType.peerUp) this.#peerUp(header, message);
    else if (type === MessageType.peerDown) this.#peerDown(header);
    else this.#routeMonitoring(header, message);
    return true;
  }

  /** Gives the routes of all peers up; the table has them to sweep. */
  removeAll(): void {
    for (const key of [...this.#peers.keys()]) this.#remove(key);
  }

  #peerUp(header: PeerHeader, message: Uint8Array): void {
    const families = parsePeerUp(message, header.end);
    if (families === undefined) return this.#error("malformed peer up");
    // A session that is up again sends all of its routes again.
    this.#remove(header.key);
    const peer = this.#newPeer(header);
    if (peer !== undefined) peer.pathIdFamilies = families;
  }

  #peerDown({ key }: PeerHeader): void {
    if (!this.#remove(key)) this.#error("unknown peer down");
  }

  #newPeer({ key, hasShortAs }: PeerHeader): Peer | undefined {
    if (this.#peers.size >= MOST_PEERS) {
      this.#error("too many peers");
      return undefined;
    }
    const peer: Peer = {
      rib: this.#deps.rib.newPeer(),
      hasShortAs,
      pathIdFamilies: NO_FAMILIES,
      hasPathIds(afi, safi) {
        return this.pathIdFamilies.has(afi * 256 + safi);
      },
    };
    this.#peers.set(key, peer);
    return peer;
  }

  #remove(key: string): boolean {
    const peer = this.#peers.get(key);
    if (peer === undefined) return false;
    const { rib, metrics } = this.#deps;
    metrics.removedPeers.inc(1, { exporter: this.#exporter });
    this.#removed.inc(peer.rib.routes);
    rib.removePeer(peer.rib);
    this.#peers.delete(key);
    return true;
  }

  #routeMonitoring(header: PeerHeader, message: Uint8Array): void {
    const peer = this.#peers.get(header.key) ?? this.#newPeer(header);
    if (peer === undefined) return;
    peer.hasShortAs = header.hasShortAs;
    const { metrics } = this.#deps;
    const update = this.#update;
    const fault = update.parse(message, header.end, message.length, peer);
    for (const type of update.ignoredFamilies) metrics.ignoredNlri.inc(1, { exporter: this.#exporter, type });
    if (fault !== undefined) {
      metrics.ignoredUpdates.inc(1, { exporter: this.#exporter, error: fault });
      return;
    }
    const { withdrawn, announced, mpAnnounced } = update;
    this.#withdraw(peer, withdrawn);
    if (!this.#filter.acceptsTargets(update.routeTargets)) {
      // What was accepted with other targets before is replaced by this, which is not.
      this.#withdraw(peer, announced);
      this.#withdraw(peer, mpAnnounced);
      return;
    }
    this.#announce(peer, announced, update.nextHop, header.asn);
    this.#announce(peer, mpAnnounced, update.mpNextHop, header.asn);
  }

  #withdraw({ rib: peer }: Peer, list: NlriList): void {
    let removed = 0;
    for (let i = 0; i < list.count; i++) if (this.#deps.rib.withdraw(peer, list, i)) removed++;
    this.#removed.inc(removed);
  }

  #announce({ rib: peer }: Peer, list: NlriList, nextHop: Uint32Array, peerAs: number): void {
    if (list.count === 0) return;
    const { rib } = this.#deps;
    const { asPath, communities, largeCommunities } = this.#update;
    const { collectsAsns, collectsAsPaths, collectsCommunities } = this.#settings;
    const pathLength = collectsAsPaths ? asPath.length : 0;
    const communitiesLength = collectsCommunities ? communities.length : 0;
    const largeLength = collectsCommunities ? largeCommunities.length : 0;
    const pathEnd = NEXT_HOP_WORDS + pathLength, communitiesEnd = pathEnd + communitiesLength;
    const size = communitiesEnd + largeLength;
    if (this.#words.length < size) this.#words = new Uint32Array(2 * size);
    const words = this.#words;
    words.set(nextHop);
    for (let i = 0; i < pathLength; i++) words[NEXT_HOP_WORDS + i] = asPath.words[i]!;
    for (let i = 0; i < communitiesLength; i++) words[pathEnd + i] = communities.words[i]!;
    for (let i = 0; i < largeLength; i++) words[communitiesEnd + i] = largeCommunities.words[i]!;
    const asn = !collectsAsns ? 0 : asPath.length === 0 ? peerAs : asPath.words[asPath.length - 1]!;
    const set = rib.attributes.intern(words.subarray(0, size), pathEnd, communitiesEnd, asn);
    let added = 0, updated = 0, refused = 0;
    for (let i = 0; i < list.count; i++) {
      if (!this.#filter.acceptsDistinguisher(list.rds[2 * i]!, list.rds[2 * i + 1]!)) continue;
      const change = rib.announce(peer, list, i, set);
      if (change === "added") added++;
      else if (change === "updated") updated++;
      else refused++;
    }
    if (set.uses === 0) rib.attributes.release(set);
    this.#added.inc(added);
    this.#updated.inc(updated);
    if (refused > 0) this.#error("too many routes");
  }

  #error(error: string): void {
    this.#deps.metrics.errors.inc(1, { exporter: this.#exporter, error });
  }
}
