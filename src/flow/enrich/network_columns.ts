/** Fills in what is known of the networks of a flow: the settings' networks and the databases, attribute by attribute. */
import type { ColumnField } from "../columns.ts";
import type { FlowBatch } from "../columns_batch.ts";
import type { TextPool } from "../columns_pool.ts";
import type { GeoDatabase, GeoRecord } from "./geo_database.ts";
import type { Network, Networks } from "./networks.ts";
import type { AsnProvider } from "./selection.ts";

/** Who knows networks. */
export interface NetworkSources {
  readonly networks?: Pick<Networks, "find" | "size">;
  /** Its databases may be others from batch to batch. */
  readonly geoip?: { readonly databases: readonly GeoDatabase[] };
}

/** The columns of one side of a flow. */
interface Side {
  readonly name: ColumnField;
  readonly role: ColumnField;
  readonly site: ColumnField;
  readonly region: ColumnField;
  readonly tenant: ColumnField;
  readonly city: ColumnField;
  readonly state: ColumnField;
  readonly country: ColumnField;
}

const SOURCE: Side = {
  name: "srcNetName",
  role: "srcNetRole",
  site: "srcNetSite",
  region: "srcNetRegion",
  tenant: "srcNetTenant",
  city: "srcGeoCity",
  state: "srcGeoState",
  country: "srcCountry",
};
const DESTINATION: Side = {
  name: "dstNetName",
  role: "dstNetRole",
  site: "dstNetSite",
  region: "dstNetRegion",
  tenant: "dstNetTenant",
  city: "dstGeoCity",
  state: "dstGeoState",
  country: "dstCountry",
};

/** A record with the numbers of its texts. */
interface PlaceIds {
  readonly city: number;
  readonly state: number;
  readonly country: number;
  readonly asn: number;
}

interface NetworkIds extends PlaceIds {
  readonly name: number;
  readonly role: number;
  readonly site: number;
  readonly region: number;
  readonly tenant: number;
}

/** What has been learned in the numbers of one pool. */
interface Numbers {
  generation: number;
  /** Whose records are in `records`. */
  databases: readonly GeoDatabase[];
  readonly networks: Map<Network, NetworkIds>;
  readonly records: Map<GeoRecord, PlaceIds>;
}

/** The two octets of a country's code in the order of memory; longer ones are cut. */
function countryCode(text: string): number {
  return (text.charCodeAt(0) & 0xff || 0) | (text.length > 1 ? (text.charCodeAt(1) & 0xff) << 8 : 0);
}

/** Looks networks up and fills their columns in. */
export class NetworkColumns {
  readonly #networks: Pick<Networks, "find" | "size"> | undefined;
  readonly #geoip: { readonly databases: readonly GeoDatabase[] } | undefined;
  readonly #isWanted: boolean;
  /** The pools of several batches, which come in turn. */
  readonly #numbers = new WeakMap<TextPool, Numbers>();
  #current: Numbers = { generation: 0, databases: [], networks: new Map(), records: new Map() };
  #databases: readonly GeoDatabase[] = [];

  constructor(columns: ReadonlySet<ColumnField>, asnProviders: readonly AsnProvider[], sources: NetworkSources) {
    this.#networks = (sources.networks?.size ?? 0) > 0 ? sources.networks : undefined;
    this.#geoip = sources.geoip;
    this.#isWanted = asnProviders.includes("networks") ||
      [...Object.values(SOURCE), ...Object.values(DESTINATION)].some((field) => columns.has(field as ColumnField));
  }

  /** Begins with a batch. @returns whether there is anyone to ask */
  begin(batch: FlowBatch): boolean {
    this.#databases = this.#geoip?.databases ?? [];
    if (!this.#isWanted || (this.#networks === undefined && this.#databases.length === 0)) return false;
    const { texts } = batch;
    let numbers = this.#numbers.get(texts);
    if (numbers === undefined || numbers.generation !== texts.generation) {
      const { generation } = texts;
      numbers = { generation, databases: this.#databases, networks: new Map(), records: new Map() };
      this.#numbers.set(texts, numbers);
    } else if (numbers.databases !== this.#databases) {
      numbers.databases = this.#databases;
      numbers.records.clear();
    }
    this.#current = numbers;
    for (const side of [SOURCE, DESTINATION]) {
      for (const field of Object.values(side) as ColumnField[]) batch.mark(field);
    }
    return true;
  }

  /** Fills in what is known of a row's source address. @returns its AS number, 0 unknown */
  source(batch: FlowBatch, row: number): number {
    return this.#fill(batch, row, batch.srcAddr, SOURCE);
  }

  /** Fills in what is known of a row's destination address. @returns its AS number, 0 unknown */
  destination(batch: FlowBatch, row: number): number {
    return this.#fill(batch, row, batch.dstAddr, DESTINATION);
  }

  #fill(batch: FlowBatch, row: number, words: Uint32Array, side: Side): number {
    const at = 4 * row;
    const network = this.#networks?.find(words, at);
    let city = 0, state = 0, country = 0, asn = 0;
    let cityLength = -1, stateLength = -1, countryLength = -1, asnLength = -1;
    if (network !== undefined) {
      const ids = this.#networkIds(batch.texts, network);
      (batch[side.name] as Uint32Array)[row] = ids.name;
      (batch[side.role] as Uint32Array)[row] = ids.role;
      (batch[side.site] as Uint32Array)[row] = ids.site;
      (batch[side.region] as Uint32Array)[row] = ids.region;
      (batch[side.tenant] as Uint32Array)[row] = ids.tenant;
      ({ city, state, country, asn } = ids);
      ({ cityLength, stateLength, countryLength, asnLength } = network);
    }
    const databases = this.#databases;
    // The longest prefix says each attribute; of equal ones the settings before databases, a later file before an earlier.
    for (let i = databases.length - 1; i >= 0; i--) {
      const record = databases[i]!.find(words, at);
      if (record === undefined) continue;
      const length = databases[i]!.foundLength;
      const ids = this.#placeIds(batch.texts, record);
      if (ids.city !== 0 && length > cityLength) {
        city = ids.city;
        cityLength = length;
      }
      if (ids.state !== 0 && length > stateLength) {
        state = ids.state;
        stateLength = length;
      }
      if (ids.country !== 0 && length > countryLength) {
        country = ids.country;
        countryLength = length;
      }
      if (ids.asn !== 0 && length > asnLength) {
        asn = ids.asn;
        asnLength = length;
      }
    }
    if (city !== 0) (batch[side.city] as Uint32Array)[row] = city;
    if (state !== 0) (batch[side.state] as Uint32Array)[row] = state;
    if (country !== 0) (batch[side.country] as Uint16Array)[row] = country;
    return asn;
  }

  #networkIds(texts: TextPool, network: Network): NetworkIds {
    let ids = this.#current.networks.get(network);
    if (ids === undefined) {
      ids = {
        name: texts.intern(network.name),
        role: texts.intern(network.role),
        site: texts.intern(network.site),
        region: texts.intern(network.region),
        tenant: texts.intern(network.tenant),
        city: texts.intern(network.city),
        state: texts.intern(network.state),
        country: countryCode(network.country),
        asn: network.asn,
      };
      this.#current.networks.set(network, ids);
    }
    return ids;
  }

  #placeIds(texts: TextPool, record: GeoRecord): PlaceIds {
    let ids = this.#current.records.get(record);
    if (ids === undefined) {
      ids = {
        city: texts.intern(record.city),
        state: texts.intern(record.state),
        country: countryCode(record.country),
        asn: record.asn,
      };
      this.#current.records.set(record, ids);
    }
    return ids;
  }
}
