/** Fills in routes, and what is chosen between flow, routes and networks: AS numbers, masks, next hops. */
import type { ColumnField } from "../columns.ts";
import type { FlowBatch } from "../columns_batch.ts";
import type { ListColumn } from "../columns_list.ts";
import type { Counter, Registry } from "../../telemetry/mod.ts";
import type { NetworkColumns } from "./network_columns.ts";
import { type FoundRoute, newFoundRoute, type PathAttributes, type Routing } from "./routing.ts";
import { newAsSelection, type SelectAs, type SelectionSettings } from "./selection.ts";

/** Fills in the columns that are the same for both sides of a flow, first the source, then the destination. */
export class RouteColumns {
  readonly #routing: Routing | undefined;
  readonly #selectAs: SelectAs;
  readonly #flowFirst: boolean;
  readonly #usesFlow: boolean;
  readonly #usesRouting: boolean;
  readonly #columns: ReadonlySet<ColumnField>;
  readonly #route: FoundRoute = newFoundRoute();
  readonly #lookups: Counter;
  readonly #failures: Counter;

  constructor(
    settings: SelectionSettings,
    columns: ReadonlySet<ColumnField>,
    routing: Routing | undefined,
    metrics: Registry,
  ) {
    this.#routing = routing;
    this.#selectAs = newAsSelection(settings.asnProviders);
    const { netProviders } = settings;
    this.#usesFlow = netProviders.includes("flow");
    this.#usesRouting = netProviders.includes("routing");
    this.#flowFirst = netProviders[0] === "flow";
    this.#columns = columns;
    this.#lookups = metrics.counter(
      "limier_outlet_routing_routing_lookups_total",
      "Addresses whose route was asked for.",
    );
    this.#failures = metrics.counter(
      "limier_outlet_routing_routing_failed_lookups_total",
      "Addresses without a route.",
    );
  }

  /** Completes the rows from `from` on. */
  fill(batch: FlowBatch, from: number, networks: NetworkColumns): void {
    const { rows } = batch;
    const routing = this.#routing;
    const hasNetworks = networks.begin(batch);
    for (const field of FIELDS) batch.mark(field);
    const wants = (field: ColumnField) => routing !== undefined && this.#columns.has(field);
    const srcCommunities = wants("srcCommunities") ? batch.srcCommunities : undefined;
    const dstCommunities = wants("dstCommunities") ? batch.dstCommunities : undefined;
    const srcLarge = wants("srcLargeCommunities") ? batch.srcLargeCommunities : undefined;
    const dstLarge = wants("dstLargeCommunities") ? batch.dstLargeCommunities : undefined;
    const asPath = wants("dstAsPath") ? batch.dstAsPath : undefined;
    for (const field of LISTS) if (wants(field)) batch.mark(field);
    const route = this.#route;
    let failures = 0;
    for (let row = from; row < rows; row++) {
      let routeAs = 0, routeMask = 0;
      if (routing !== undefined) {
        if (routing.find(batch.srcAddr, 4 * row, null, 0, route)) {
          routeAs = route.asn;
          routeMask = route.netMask;
          if (srcCommunities?.lengths[row] === 0) appendCommunities(srcCommunities, row, route.attributes);
          if (srcLarge?.lengths[row] === 0) appendLarge(srcLarge, row, route.attributes);
        } else failures++;
      }
      let networkAs = hasNetworks ? networks.source(batch, row) : 0;
      let netMask = this.#mask(batch.srcNetMask[row]!, routeMask);
      batch.srcNetMask[row] = netMask;
      batch.srcAs[row] = this.#selectAs(batch.srcAs[row]!, netMask, routeAs, networkAs);

      routeAs = routeMask = 0;
      let hasRoute = false;
      if (routing !== undefined) {
        hasRoute = routing.find(batch.dstAddr, 4 * row, batch.nextHop, 4 * row, route);
        if (hasRoute) {
          routeAs = route.asn;
          routeMask = route.netMask;
          if (asPath?.lengths[row] === 0) appendPath(asPath, row, route.attributes);
          if (dstCommunities?.lengths[row] === 0) appendCommunities(dstCommunities, row, route.attributes);
          if (dstLarge?.lengths[row] === 0) appendLarge(dstLarge, row, route.attributes);
        } else failures++;
      }
      networkAs = hasNetworks ? networks.destination(batch, row) : 0;
      netMask = this.#mask(batch.dstNetMask[row]!, routeMask);
      batch.dstNetMask[row] = netMask;
      batch.dstAs[row] = this.#selectAs(batch.dstAs[row]!, netMask, routeAs, networkAs);
      this.#chooseNextHop(batch.nextHop, 4 * row, hasRoute);
    }
    if (routing !== undefined) {
      this.#lookups.inc(2 * (rows - from));
      this.#failures.inc(failures);
    }
  }

  #mask(flow: number, route: number): number {
    const ofFlow = this.#usesFlow ? flow : 0, ofRoute = this.#usesRouting ? route : 0;
    return this.#flowFirst ? ofFlow || ofRoute : ofRoute || ofFlow;
  }

  #chooseNextHop(nextHop: Uint32Array, at: number, hasRoute: boolean): void {
    const isSet = (nextHop[at]! | nextHop[at + 1]! | nextHop[at + 2]! | nextHop[at + 3]!) !== 0;
    const route = this.#route.nextHop;
    const routeIsSet = hasRoute && this.#usesRouting && (route[0]! | route[1]! | route[2]! | route[3]!) !== 0;
    if (routeIsSet && (!isSet || !this.#usesFlow || !this.#flowFirst)) {
      for (let word = 0; word < 4; word++) nextHop[at + word] = route[word]!;
    } else if (isSet && !this.#usesFlow) {
      nextHop.fill(0, at, at + 4);
    }
  }
}

const FIELDS = ["srcNetMask", "dstNetMask", "srcAs", "dstAs", "nextHop"] as const;
const LISTS = [
  "dstAsPath",
  "srcCommunities",
  "dstCommunities",
  "srcLargeCommunities",
  "dstLargeCommunities",
] as const;

function appendPath(list: ListColumn, row: number, { words, pathStart, pathEnd }: PathAttributes): void {
  for (let i = pathStart; i < pathEnd; i++) list.push(row, words[i]!);
}

function appendCommunities(list: ListColumn, row: number, { words, pathEnd, communitiesEnd }: PathAttributes): void {
  for (let i = pathEnd; i < communitiesEnd; i++) list.push(row, words[i]!);
}

/** ASN << 64 | data 1 << 32 | data 2. */
function appendLarge(list: ListColumn, row: number, { words, communitiesEnd }: PathAttributes): void {
  for (let i = communitiesEnd; i < words.length; i += 3) {
    list.pushWords(row, words[i + 2]!, words[i + 1]!, words[i]!, 0);
  }
}
