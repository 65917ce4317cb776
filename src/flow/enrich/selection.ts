/** Which of several sources an AS number, a mask or a next hop is taken from. */
import type { Section } from "../../config/mod.ts";

/** Where AS numbers come from. */
export const ASN_PROVIDERS = [
  "flow",
  "flow-except-private",
  "flow-except-default-route",
  "routing",
  "routing-except-private",
  "networks",
] as const;
export type AsnProvider = (typeof ASN_PROVIDERS)[number];

/** Where masks and next hops come from. */
export const NET_PROVIDERS = ["flow", "routing"] as const;
export type NetProvider = (typeof NET_PROVIDERS)[number];

/** Older names that are understood. */
const ALIASES: Readonly<Record<string, string>> = { bmp: "routing", "geo-ip": "networks" };

/** Which source counts; the first that knows something. */
export interface SelectionSettings {
  readonly asnProviders: readonly AsnProvider[];
  readonly netProviders: readonly NetProvider[];
}

/** The keys that {@linkcode readSelectionSettings} reads, of the section `flow.outlet.core`. */
export const SELECTION_SETTINGS = ["asn_providers", "net_providers"] as const;

const DEFAULTS: SelectionSettings = {
  asnProviders: ["flow", "routing", "networks"],
  netProviders: ["flow", "routing"],
};

/** Reads them. @throws {ConfigError} on a name that is none, or is there twice */
export function readSelectionSettings(core: Section): SelectionSettings {
  return {
    asnProviders: readNames(core, "asn_providers", ASN_PROVIDERS) ?? DEFAULTS.asnProviders,
    netProviders: readNames(core, "net_providers", NET_PROVIDERS) ?? DEFAULTS.netProviders,
  };
}

function readNames<const Name extends string>(core: Section, key: string, known: readonly Name[]): Name[] | undefined {
  const written = core.strings(key);
  if (written === undefined) return undefined;
  const names = written.map((text) => known.find((name) => name === (ALIASES[text] ?? text)));
  if (names.some((name) => name === undefined) || new Set(names).size !== names.length) {
    return core.refuse(key, `a list of ${known.join(", ")}, each at most once`);
  }
  return names.filter((name) => name !== undefined);
}

/** Whether an AS number is nobody's in particular (RFC 6996, RFC 5398, RFC 7300, RFC 4893). */
export function isPrivateAs(asn: number): boolean {
  return asn === 0 || asn === 23456 || (asn >= 64496 && asn <= 65551) || asn >= 4_200_000_000;
}

/** The AS number of one side of a flow. */
export type SelectAs = (flow: number, netMask: number, routing: number, networks: number) => number;

/** Chooses once what is then done for each flow. */
export function newAsSelection(providers: readonly AsnProvider[]): SelectAs {
  const choices = providers.map((provider): SelectAs => {
    switch (provider) {
      case "flow":
        return (flow) => flow;
      case "flow-except-private":
        return (flow) => isPrivateAs(flow) ? 0 : flow;
      case "flow-except-default-route":
        return (flow, netMask) => netMask === 0 ? 0 : flow;
      case "routing":
        return (_flow, _netMask, routing) => routing;
      case "routing-except-private":
        return (_flow, _netMask, routing) => isPrivateAs(routing) ? 0 : routing;
      case "networks":
        return (_flow, _netMask, _routing, networks) => networks;
    }
  });
  return (flow, netMask, routing, networks) => {
    for (let i = 0; i < choices.length; i++) {
      const asn = choices[i]!(flow, netMask, routing, networks);
      if (asn !== 0) return asn;
    }
    return 0;
  };
}
