/** Exporters and interfaces by number, with the numbers of their texts: what a row is filled in from. */
import { formatAddress } from "../address.ts";
import type { FlowBatch } from "../columns_batch.ts";
import type { AddressPool, TextPool } from "../columns_pool.ts";
import type { Classifiers } from "./classify/classifier.ts";
import {
  type ExporterFacts,
  exporterNamed,
  type InterfaceFacts,
  isClassifiedExporter,
  isClassifiedInterface,
  type Metadata,
} from "./metadata/facts.ts";
import type { MetadataSource } from "./metadata/metadata.ts";
import type { SamplingRules } from "./sampling.ts";

/** An exporter's texts, by their numbers in the batch's pool. */
export interface ExporterIds {
  readonly name: number;
  readonly group: number;
  readonly role: number;
  readonly site: number;
  readonly region: number;
  readonly tenant: number;
  readonly isRejected: boolean;
}

/** An interface's texts, by their numbers in the batch's pool. */
export interface InterfaceIds {
  readonly name: number;
  readonly description: number;
  readonly speed: number;
  readonly provider: number;
  readonly connectivity: number;
  readonly boundary: number;
  readonly isRejected: boolean;
}

/** An exporter of a batch. */
export interface ExporterEntry {
  readonly address: string;
  readonly override: number;
  readonly fallback: number;
  /** What its flows are filled in with if nobody knows it; made when it is needed. */
  unknown: ExporterIds | undefined;
  readonly interfaces: Map<number, InterfaceEntry>;
  hasWarned: boolean;
}

/** An interface of a batch. */
export interface InterfaceEntry {
  readonly ifIndex: number;
  /** What the metadata say; undefined: nobody was asked, or nobody has answered. */
  answer: Metadata | null | undefined;
  /** Of its exporter, if the metadata know it. */
  exporter: ExporterIds | undefined;
  /** On no VLAN. */
  plain: InterfaceIds;
  vlans: Map<number, InterfaceIds> | undefined;
  /** The batch for which the metadata were asked last. */
  turn: number;
  /** What stands in the entry is that of its answer. */
  isResolved: boolean;
}

/** What the table is given. */
export interface ExporterTableDeps {
  readonly sampling: SamplingRules;
  readonly classifiers: Classifiers;
  readonly metadata?: Pick<MetadataSource, "hasProviders" | "lookup" | "fetch">;
}

/** Interfaces that are kept; addresses and numbers can be made up. */
const MOST_INTERFACES = 200_000;
const MOST_VLANS = 4096;

/** Exporters and interfaces; valid as long as the batch's pools are the same. */
export class ExporterTable {
  readonly #deps: ExporterTableDeps;
  readonly #asks: boolean;
  #texts: TextPool | undefined;
  #addresses: AddressPool | undefined;
  #textGeneration = 0;
  #addressGeneration = 0;
  #exporters: (ExporterEntry | undefined)[] = [];
  #interfaces = 0;
  #turn = 0;
  #warned = new Set<string>();
  readonly #missing: { readonly exporter: ExporterEntry; readonly entry: InterfaceEntry }[] = [];

  constructor(deps: ExporterTableDeps) {
    this.#deps = deps;
    this.#asks = deps.metadata?.hasProviders ?? false;
  }

  /** Begins with a batch: what the pools of another numbered is forgotten. */
  begin({ texts, addresses }: FlowBatch): void {
    this.#turn++;
    this.#missing.length = 0;
    if (
      texts === this.#texts && texts.generation === this.#textGeneration && addresses === this.#addresses &&
      addresses.generation === this.#addressGeneration && this.#interfaces < MOST_INTERFACES
    ) return;
    for (const exporter of this.#exporters) if (exporter?.hasWarned) this.#warned.add(exporter.address);
    if (this.#warned.size > 10_000) this.#warned.clear();
    this.#exporters = [];
    this.#interfaces = 0;
    this.#texts = texts;
    this.#addresses = addresses;
    this.#textGeneration = texts.generation;
    this.#addressGeneration = addresses.generation;
  }

  /** The exporter whose address has this number. */
  of(id: number): ExporterEntry {
    return this.#exporters[id] ?? this.#newExporter(id);
  }

  #newExporter(id: number): ExporterEntry {
    const { words } = this.#addresses!;
    const address = formatAddress(words, 4 * id);
    const { override, fallback } = this.#deps.sampling.of(words, 4 * id);
    return this.#exporters[id] = {
      address,
      override,
      fallback,
      unknown: undefined,
      interfaces: new Map(),
      hasWarned: this.#warned.has(address),
    };
  }

  /** An exporter that nobody knows: its address is its name. */
  unknown(exporter: ExporterEntry): ExporterIds {
    return exporter.unknown ??= this.#exporterIds(exporter.address, exporterNamed(exporter.address));
  }

  /** An interface of an exporter, ready to be filled in. */
  interface(exporter: ExporterEntry, ifIndex: number): InterfaceEntry {
    const entry = this.ask(exporter, ifIndex);
    if (!entry.isResolved) this.#resolve(exporter, entry);
    return entry;
  }

  /** Asks the metadata about an interface, once a batch. */
  ask(exporter: ExporterEntry, ifIndex: number): InterfaceEntry {
    let entry = exporter.interfaces.get(ifIndex);
    if (entry === undefined) {
      entry = {
        ifIndex,
        answer: undefined,
        exporter: undefined,
        plain: NO_INTERFACE,
        vlans: undefined,
        turn: 0,
        isResolved: false,
      };
      exporter.interfaces.set(ifIndex, entry);
      this.#interfaces++;
    }
    if (this.#asks && entry.turn !== this.#turn) {
      entry.turn = this.#turn;
      const answer = this.#deps.metadata!.lookup(exporter.address, ifIndex);
      if (answer !== entry.answer) {
        entry.answer = answer;
        entry.isResolved = false;
      }
      if (answer === undefined) this.#missing.push({ exporter, entry });
    }
    return entry;
  }

  /** Asks about the interfaces that the metadata did not know; undefined: they knew all. */
  learn(): Promise<void> | undefined {
    return this.#missing.length === 0 ? undefined : this.#learn([...this.#missing]);
  }

  async #learn(
    missing: readonly { readonly exporter: ExporterEntry; readonly entry: InterfaceEntry }[],
  ): Promise<void> {
    const metadata = this.#deps.metadata!;
    await Promise.all(missing.map(({ exporter, entry }) => metadata.fetch(exporter.address, entry.ifIndex)));
  }

  /** An interface on a VLAN, for rules that read it. */
  inVlan(exporter: ExporterEntry, entry: InterfaceEntry, vlan: number): InterfaceIds {
    if (vlan === 0) return entry.plain;
    const vlans = entry.vlans ??= new Map();
    let ids = vlans.get(vlan);
    if (ids === undefined) {
      if (vlans.size >= MOST_VLANS) vlans.clear();
      ids = this.#interfaceIds(exporter, entry.ifIndex, entry.answer, vlan);
      vlans.set(vlan, ids);
    }
    return ids;
  }

  #resolve(exporter: ExporterEntry, entry: InterfaceEntry): void {
    const { answer } = entry;
    entry.isResolved = true;
    entry.vlans = undefined;
    const isKnown = answer !== null && answer !== undefined && answer.exporter.name !== "";
    entry.exporter = isKnown ? this.#exporterIds(exporter.address, answer.exporter) : undefined;
    entry.plain = this.#interfaceIds(exporter, entry.ifIndex, answer, 0);
  }

  #exporterIds(address: string, facts: ExporterFacts): ExporterIds {
    const classes = isClassifiedExporter(facts) ? undefined : this.#deps.classifiers.exporter(address, facts.name);
    const { group, role, site, region, tenant } = classes ?? facts;
    const texts = this.#texts!;
    return {
      name: texts.intern(facts.name),
      group: texts.intern(group),
      role: texts.intern(role),
      site: texts.intern(site),
      region: texts.intern(region),
      tenant: texts.intern(tenant),
      isRejected: classes?.isRejected ?? false,
    };
  }

  #interfaceIds(
    exporter: ExporterEntry,
    ifIndex: number,
    answer: Metadata | null | undefined,
    vlan: number,
  ): InterfaceIds {
    const facts = answer?.interface ?? unknownInterface(ifIndex);
    const classes = isClassifiedInterface(facts) ? undefined : this.#deps.classifiers.interface({
      exporterIp: exporter.address,
      exporterName: answer?.exporter.name || exporter.address,
      index: ifIndex,
      name: facts.name,
      description: facts.description,
      speed: facts.speed,
      vlan,
    });
    const texts = this.#texts!;
    const { name, description, provider, connectivity, boundary } = classes ?? facts;
    return {
      name: texts.intern(name),
      description: texts.intern(description),
      speed: facts.speed,
      provider: texts.intern(provider),
      connectivity: texts.intern(connectivity),
      boundary,
      isRejected: classes?.isRejected ?? false,
    };
  }
}

const NO_INTERFACE: InterfaceIds = {
  name: 0,
  description: 0,
  speed: 0,
  provider: 0,
  connectivity: 0,
  boundary: 0,
  isRejected: false,
};

function unknownInterface(ifIndex: number): InterfaceFacts {
  return { name: `if${ifIndex}`, description: "", speed: 0, provider: "", connectivity: "", boundary: 0 };
}
