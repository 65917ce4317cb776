/** What decoders of NetFlow and IPFIX remember: templates and sampling rates, by exporter; bounded, and forgotten in time. */
import { MAPPED_WORD } from "../columns_pool.ts";
import { type Node, RecencyList } from "./recency.ts";
import type { Template } from "./template.ts";

/** How much is remembered, and for how long. */
export interface StateLimits {
  /** @default 4096 */
  readonly templatesPerExporter: number;
  /** @default 65536 */
  readonly templates: number;
  /** Fields of all templates together; bounds the memory of templates with hundreds of fields. @default 1048576 */
  readonly fields: number;
  /** @default 512 */
  readonly fieldsPerTemplate: number;
  /** @default 4096 */
  readonly ratesPerExporter: number;
  /** @default 65536 */
  readonly rates: number;
  /** A template that was not sent again for so long is forgotten. @default 86400, a day */
  readonly templateTimeoutS: number;
}

/** The limits unless told otherwise. */
export const STATE_LIMITS: StateLimits = {
  templatesPerExporter: 4096,
  templates: 65_536,
  fields: 1 << 20,
  fieldsPerTemplate: 512,
  ratesPerExporter: 4096,
  rates: 65_536,
  templateTimeoutS: 86_400,
};

/** Whose rate it is: that of a sampler (0: of the whole domain), or of an interface. */
export type RateKind = "sampler" | "interface";

/** A sampling rate that an exporter told. */
export interface Rate {
  readonly domain: Domain;
  readonly kind: RateKind;
  readonly id: number;
  rate: number;
}

interface Held<T> {
  readonly value: T;
  readonly inAll: Node<T>;
  readonly inExporter: Node<T>;
}

/** Templates and rates of one source id or observation domain. */
export class Domain {
  readonly templates: Map<number, Template> = new Map();
  readonly samplers: Map<number, Rate> = new Map();
  readonly interfaces: Map<number, Rate> = new Map();
  /** systemInitTimeMilliseconds of an options record; 0 unknown. */
  systemInitMs = 0;

  constructor(readonly exporter: Exporter, readonly version: number, readonly id: number) {}

  /** Whether any rate is known. */
  get hasRates(): boolean {
    return this.samplers.size > 0 || this.interfaces.size > 0;
  }
}

/** All domains of one exporter. */
export class Exporter {
  readonly domains: Map<number, Domain> = new Map();
  readonly templates: RecencyList<Owned> = new RecencyList();
  readonly rates: RecencyList<Rate> = new RecencyList();

  /** @param address four words of an address as it lies in memory */
  constructor(readonly key: number | string, readonly address: Uint32Array) {}

  domain(version: number, id: number): Domain | undefined {
    return this.domains.get(domainKey(version, id));
  }
}

/** What was learnt of a domain. */
export interface Lesson {
  /** Ids of templates that are new, or say something else. */
  readonly templates: Set<number>;
  readonly rates: Set<Rate>;
}

/** A template and its owner. */
export interface Owned {
  readonly template: Template;
  readonly domain: Domain;
}

/** One number for version and id: 2 x 2^32 of them. */
function domainKey(version: number, id: number): number {
  return 2 * id + (version === 10 ? 1 : 0);
}

/** IPv4 addresses by number, so that the usual exporter is found without making a string. */
function exporterKey(address: Uint32Array): number | string {
  if (address[0] === 0 && address[1] === 0 && address[2] === MAPPED_WORD) return address[3]!;
  return `${address[0]},${address[1]},${address[2]},${address[3]}`;
}

/** The memory of decoders; several may share one. Times are Unix seconds of receipt. */
export class FlowState {
  readonly limits: StateLimits;
  readonly #exporters = new Map<number | string, Exporter>();
  readonly #templates = new RecencyList<Owned>();
  readonly #rates = new RecencyList<Rate>();
  readonly #places = new WeakMap<Template | Rate, Held<Owned> | Held<Rate>>();
  #fields = 0;
  /** What was learnt since it was last taken; undefined: nobody takes it. */
  #lessons: Map<Domain, Lesson> | undefined;

  /** @param tracks what is learnt is noted down, for `takeLessons` */
  constructor(limits: Partial<StateLimits> = {}, { tracks = false }: { readonly tracks?: boolean } = {}) {
    this.limits = { ...STATE_LIMITS, ...limits };
    if (tracks) this.#lessons = new Map();
  }

  /** What is new since this was last asked. */
  takeLessons(): ReadonlyMap<Domain, Lesson> {
    const lessons = this.#lessons;
    if (lessons === undefined || lessons.size === 0) return NO_LESSONS;
    this.#lessons = new Map();
    return lessons;
  }

  /** Does `work` without noting down what is learnt by it. */
  untracked<T>(work: () => T): T {
    const lessons = this.#lessons;
    this.#lessons = undefined;
    try {
      return work();
    } finally {
      this.#lessons = lessons;
    }
  }

  #lesson(domain: Domain): Lesson | undefined {
    if (this.#lessons === undefined) return undefined;
    let lesson = this.#lessons.get(domain);
    if (lesson === undefined) this.#lessons.set(domain, lesson = { templates: new Set(), rates: new Set() });
    return lesson;
  }

  /** Templates remembered. */
  get templateCount(): number {
    return this.#templates.size;
  }

  /** Sampling rates remembered. */
  get rateCount(): number {
    return this.#rates.size;
  }

  get exporterCount(): number {
    return this.#exporters.size;
  }

  /** The exporter of an address, if anything is known of it. */
  find(address: Uint32Array): Exporter | undefined {
    return this.#exporters.get(exporterKey(address));
  }

  /** All exporters, for showing and saving. */
  exporters(): IterableIterator<Exporter> {
    return this.#exporters.values();
  }

  /** The domain of an exporter, made if need be; it lasts as long as it has a template. */
  domain(address: Uint32Array, version: number, id: number): Domain {
    const key = exporterKey(address);
    let exporter = this.#exporters.get(key);
    if (exporter === undefined) this.#exporters.set(key, exporter = new Exporter(key, address.slice(0, 4)));
    let domain = exporter.domain(version, id);
    if (domain === undefined) {
      exporter.domains.set(domainKey(version, id), domain = new Domain(exporter, version, id));
    }
    return domain;
  }

  /** A template that is still good; notes its use. */
  template(domain: Domain, id: number, nowS: number): Template | undefined {
    const template = domain.templates.get(id);
    if (template === undefined) return undefined;
    if (nowS - template.refreshedS > this.limits.templateTimeoutS) {
      this.removeTemplate(domain, id);
      return undefined;
    }
    if (template.usedS !== nowS) this.#use(template, nowS);
    template.uses++;
    return template;
  }

  #use(template: Template, nowS: number): void {
    template.usedS = nowS;
    const held = this.#places.get(template) as Held<Owned> | undefined;
    if (held === undefined) return;
    this.#templates.use(held.inAll);
    held.value.domain.exporter.templates.use(held.inExporter);
  }

  /**
   * Takes in a template in the place of any other of its id. One that says the same only becomes younger.
   *
   * @returns the template that holds from now on
   */
  setTemplate(domain: Domain, template: Template, nowS: number): Template {
    const known = domain.templates.get(template.id);
    if (known !== undefined && known.equals(template)) {
      known.refreshedS = nowS;
      this.#use(known, nowS);
      return known;
    }
    if (known !== undefined) this.#forgetTemplate(domain, known);
    const { exporter } = domain;
    const { limits } = this;
    while (exporter.templates.size >= limits.templatesPerExporter) this.#evict(exporter.templates.oldest!, domain);
    while (
      this.#templates.size > 0 &&
      (this.#templates.size >= limits.templates || this.#fields + template.fieldCount > limits.fields)
    ) this.#evict(this.#templates.oldest!, domain);
    template.refreshedS = nowS;
    template.usedS = nowS;
    domain.templates.set(template.id, template);
    this.#lesson(domain)?.templates.add(template.id);
    const owned: Owned = { template, domain };
    this.#places.set(template, {
      value: owned,
      inAll: this.#templates.add(owned),
      inExporter: exporter.templates.add(owned),
    });
    this.#fields += template.fieldCount;
    return template;
  }

  /** Forgets a template. @returns whether it was known */
  removeTemplate(domain: Domain, id: number): boolean {
    const template = domain.templates.get(id);
    if (template === undefined) return false;
    this.#forgetTemplate(domain, template);
    this.#forgetIfEmpty(domain);
    return true;
  }

  /** Forgets all templates of a domain that describe flows, or all that describe options. */
  removeTemplates(domain: Domain, options: boolean): void {
    for (const template of [...domain.templates.values()]) {
      if (template.isOptions === options) this.#forgetTemplate(domain, template);
    }
    this.#forgetIfEmpty(domain);
  }

  #evict({ template, domain }: Owned, except: Domain): void {
    this.#forgetTemplate(domain, template);
    if (domain !== except) this.#forgetIfEmpty(domain);
  }

  #forgetTemplate(domain: Domain, template: Template): void {
    const held = this.#places.get(template) as Held<Owned> | undefined;
    if (held !== undefined) {
      this.#templates.remove(held.inAll);
      domain.exporter.templates.remove(held.inExporter);
      this.#places.delete(template);
      this.#fields -= template.fieldCount;
    }
    domain.templates.delete(template.id);
  }

  /** Nobody's records can be read any more: what else is known is of no use, and of anybody's making. */
  #forgetIfEmpty(domain: Domain): void {
    const { exporter } = domain;
    if (domain.templates.size > 0) return;
    for (const rate of [...domain.samplers.values(), ...domain.interfaces.values()]) this.#forgetRate(rate);
    exporter.domains.delete(domainKey(domain.version, domain.id));
    if (exporter.domains.size === 0) this.#exporters.delete(exporter.key);
  }

  /** Remembers a sampling rate; that which is the oldest goes where there are too many. */
  setRate(domain: Domain, kind: RateKind, id: number, rate: number): void {
    const known = rates(domain, kind).get(id);
    const { exporter } = domain;
    if (known !== undefined) {
      if (known.rate !== rate) this.#lesson(domain)?.rates.add(known);
      known.rate = rate;
      const held = this.#places.get(known) as Held<Rate> | undefined;
      if (held === undefined) return;
      this.#rates.use(held.inAll);
      exporter.rates.use(held.inExporter);
      return;
    }
    while (exporter.rates.size >= this.limits.ratesPerExporter) this.#forgetRate(exporter.rates.oldest!);
    while (this.#rates.size >= this.limits.rates) this.#forgetRate(this.#rates.oldest!);
    const entry: Rate = { domain, kind, id, rate };
    rates(domain, kind).set(id, entry);
    this.#lesson(domain)?.rates.add(entry);
    this.#places.set(entry, { value: entry, inAll: this.#rates.add(entry), inExporter: exporter.rates.add(entry) });
  }

  /** Remembers when the clock of a domain began, in Unix milliseconds. */
  setSystemInit(domain: Domain, ms: number): void {
    if (domain.systemInitMs === ms) return;
    domain.systemInitMs = ms;
    this.#lesson(domain);
  }

  #forgetRate(rate: Rate): void {
    const held = this.#places.get(rate) as Held<Rate> | undefined;
    if (held !== undefined) {
      this.#rates.remove(held.inAll);
      rate.domain.exporter.rates.remove(held.inExporter);
      this.#places.delete(rate);
    }
    rates(rate.domain, rate.kind).delete(rate.id);
  }

  /** Forgets templates that were not sent again in time. To be called now and then. @returns how many */
  expire(nowS: number): number {
    let expired = 0;
    for (const { template, domain } of this.#templates) {
      if (nowS - template.refreshedS <= this.limits.templateTimeoutS) continue;
      this.removeTemplate(domain, template.id);
      expired++;
    }
    return expired;
  }
}

const NO_LESSONS: ReadonlyMap<Domain, Lesson> = new Map();

function rates(domain: Domain, kind: RateKind): Map<number, Rate> {
  return kind === "sampler" ? domain.samplers : domain.interfaces;
}
