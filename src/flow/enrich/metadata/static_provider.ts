/** Exporters and interfaces as settings describe them. */
import type { Section } from "../../../config/mod.ts";
import { parseAddressWords } from "../../address.ts";
import { type PrefixEntry, PrefixTable, readPrefixes } from "../prefix_table.ts";
import { type Answer, type ExporterFacts, type InterfaceFacts, type MetadataProvider, readInterface } from "./facts.ts";

/** One exporter, or all of a subnet. */
export interface StaticExporter {
  readonly facts: ExporterFacts;
  /** The interfaces by their index. */
  readonly interfaces: ReadonlyMap<number, InterfaceFacts>;
  /** Every other interface; absent: there is none. */
  readonly fallback?: InterfaceFacts;
  /** Other interfaces are another provider's business. */
  readonly skipsMissing: boolean;
}

/** Settings of the static provider. */
export interface StaticSettings {
  readonly type: "static";
  readonly exporters: readonly PrefixEntry<StaticExporter>[];
}

/** Reads them. @throws {ConfigError} */
export function readStaticSettings(section: Section): StaticSettings {
  section.refuseOthers(["type", "exporters"]);
  const read = (subnets: Section, subnet: string) => readExporter(subnets.section(subnet));
  return { type: "static", exporters: readPrefixes(section, "exporters", read) };
}

function readExporter(section: Section): StaticExporter | undefined {
  section.refuseOthers([
    "name",
    "group",
    "role",
    "site",
    "region",
    "tenant",
    "default",
    "ifindexes",
    "skip_missing_interfaces",
  ]);
  const name = section.string("name");
  if (name === undefined || name === "") return section.refuse("name", "the exporter's name");
  const interfaces = new Map<number, InterfaceFacts>();
  const indexes = section.section("ifindexes");
  for (const [key, one] of indexes.entries()) {
    const index = Number(key);
    if (!/^\d{1,10}$/.test(key) || index > 0xffff_ffff) {
      indexes.refuse(key, "the number of an interface in front of it");
    } else interfaces.set(index, readInterface(one));
  }
  const skipsMissing = section.boolean("skip_missing_interfaces") ?? false;
  const hasFallback = section.value("default") !== undefined;
  if (skipsMissing && hasFallback) section.refuse("skip_missing_interfaces", "it or default, not both");
  return {
    facts: {
      name,
      group: section.string("group") ?? "",
      role: section.string("role") ?? "",
      site: section.string("site") ?? "",
      region: section.string("region") ?? "",
      tenant: section.string("tenant") ?? "",
    },
    interfaces,
    ...(hasFallback && { fallback: readInterface(section.section("default")) }),
    skipsMissing,
  };
}

/** Answers out of settings; skips exporters that they don't name. */
export class StaticProvider implements MetadataProvider {
  readonly type = "static";
  readonly #exporters: PrefixTable<StaticExporter>;

  constructor({ exporters }: StaticSettings) {
    this.#exporters = new PrefixTable(exporters);
  }

  query(exporter: string, ifIndex: number): Answer {
    const words = parseAddressWords(exporter);
    const found = words === undefined ? undefined : this.#exporters.find(words, 0);
    if (found === undefined) return "skip";
    const facts = found.interfaces.get(ifIndex) ?? found.fallback;
    if (facts === undefined) return found.skipsMissing ? "skip" : null;
    return { exporter: found.facts, interface: facts };
  }

  [Symbol.dispose](): void {
    // It holds nothing.
  }
}
