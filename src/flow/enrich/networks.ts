/** What settings say of networks: names, roles, places, AS numbers; a network has what the ones around it have. */
import type { Section } from "../../config/mod.ts";
import { PrefixTrie } from "./prefix_trie.ts";
import { type PrefixEntry, readPrefixes } from "./prefix_table.ts";

/** Attributes of a network that databases don't tell. */
export const NETWORK_NAMES = ["name", "role", "site", "region", "tenant"] as const;
/** Attributes that databases tell as well. */
export const PLACE_NAMES = ["city", "state", "country"] as const;

/** What is written of a network; absent: it is inherited. */
export interface NetworkSettings {
  readonly name?: string;
  readonly role?: string;
  readonly site?: string;
  readonly region?: string;
  readonly tenant?: string;
  readonly city?: string;
  readonly state?: string;
  readonly country?: string;
  readonly asn?: number;
}

/**
 * All attributes of a network, "" or 0 where nothing says one. Beside each place attribute stands the length of the prefix
 * that says it, -1 if none does.
 */
export interface Network {
  readonly name: string;
  readonly role: string;
  readonly site: string;
  readonly region: string;
  readonly tenant: string;
  readonly city: string;
  readonly state: string;
  readonly country: string;
  readonly asn: number;
  readonly cityLength: number;
  readonly stateLength: number;
  readonly countryLength: number;
  readonly asnLength: number;
}

const NOTHING: Network = {
  name: "",
  role: "",
  site: "",
  region: "",
  tenant: "",
  city: "",
  state: "",
  country: "",
  asn: 0,
  cityLength: -1,
  stateLength: -1,
  countryLength: -1,
  asnLength: -1,
};

/** Reads the `networks` map of the section `flow.outlet.networks`. @throws {ConfigError} */
export function readNetworks(section: Section): PrefixEntry<NetworkSettings>[] {
  section.refuseOthers(["networks"]);
  return readPrefixes(section, "networks", (subnets, subnet): NetworkSettings | undefined => {
    if (typeof subnets.value(subnet) === "string") {
      const name = subnets.string(subnet);
      return name === undefined ? undefined : { name };
    }
    const network = subnets.section(subnet);
    network.refuseOthers([...NETWORK_NAMES, ...PLACE_NAMES, "asn"]);
    const texts = [...NETWORK_NAMES, ...PLACE_NAMES].map((key) => [key, network.string(key)] as const);
    const asn = network.integer("asn", { atLeast: 0, atMost: 4_294_967_295 });
    return {
      ...Object.fromEntries(texts.filter(([, text]) => text !== undefined)),
      ...(asn !== undefined && { asn }),
    };
  });
}

/** The networks of the settings, ready to be asked. */
export class Networks {
  readonly #trie = new PrefixTrie();
  readonly #networks: Network[] = [];

  constructor(entries: readonly PrefixEntry<NetworkSettings>[]) {
    // The shorter first, so that what is around a network is there before it.
    for (const { prefix, value } of [...entries].sort((a, b) => a.prefix.length - b.prefix.length)) {
      const around = this.find(prefix.words, 0) ?? NOTHING;
      const { length } = prefix;
      const network: Network = {
        ...around,
        ...value,
        ...(value.city !== undefined && { cityLength: length }),
        ...(value.state !== undefined && { stateLength: length }),
        ...(value.country !== undefined && { countryLength: length }),
        ...(value.asn !== undefined && { asnLength: length }),
      };
      this.#trie.set(prefix.words, 0, length, this.#networks.push(network) - 1);
    }
  }

  /** Networks known. */
  get size(): number {
    return this.#trie.size;
  }

  /** The smallest network that an address is in; the same object for each of its addresses. */
  find(words: Uint32Array, at: number): Network | undefined {
    const index = this.#trie.find(words, at);
    return index < 0 ? undefined : this.#networks[index];
  }
}
