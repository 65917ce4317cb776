/** What is remembered of exporters as JSON, so that a restart forgets nothing. */
import { formatAddress, parseAddressWords } from "../address.ts";
import type { Domain, Exporter, FlowState, Lesson, Rate, RateKind } from "./state.ts";
import { Template } from "./template.ts";

/** Version of the form; another one is not read. */
const VERSION = 1;

/** A template as it is saved. */
interface SavedTemplate {
  readonly options: boolean;
  readonly scopeFields: number;
  /** Enterprise number (0: none), element, length. */
  readonly fields: readonly (readonly [pen: number, id: number, length: number])[];
  /** Unix seconds. */
  readonly refreshed: number;
}

/** One domain as it is saved, under `version-domain` of its exporter. */
interface SavedDomain {
  readonly templates: Readonly<Record<string, SavedTemplate>>;
  readonly rates: readonly (readonly [kind: RateKind, id: number, rate: number])[];
  readonly systemInitMs: number;
}

/** The state of decoders as a value of JSON: domains by exporter, then by version and id. */
export interface SavedState {
  readonly Version: number;
  readonly Decoders: Readonly<Record<string, Readonly<Record<string, SavedDomain>>>>;
}

/** All templates and rates, of all exporters or of some. */
export function saveState(state: FlowState, of: Iterable<Exporter> = state.exporters()): SavedState {
  const exporters: Exporters = {};
  for (const { address, domains } of of) {
    for (const domain of domains.values()) {
      const { templates, samplers, interfaces } = domain;
      saveDomain(exporters, address, domain, templates.values(), [...samplers.values(), ...interfaces.values()]);
    }
  }
  return { Version: VERSION, Decoders: exporters };
}

/** What was learnt, of domains that are still known; undefined: nothing. */
export function saveLessons(lessons: ReadonlyMap<Domain, Lesson>): SavedState | undefined {
  const exporters: Exporters = {};
  for (const [domain, { templates, rates }] of lessons) {
    if (domain.templates.size === 0) continue;
    const kept = [...templates].map((id) => domain.templates.get(id)).filter((template) => template !== undefined);
    saveDomain(exporters, domain.exporter.address, domain, kept, rates);
  }
  return Object.keys(exporters).length === 0 ? undefined : { Version: VERSION, Decoders: exporters };
}

type Exporters = Record<string, Record<string, SavedDomain>>;

function saveDomain(
  into: Exporters,
  address: Uint32Array,
  { version, id, systemInitMs }: Domain,
  templates: Iterable<Template>,
  rates: Iterable<Rate>,
): void {
  const saved: Record<string, SavedTemplate> = {};
  for (const template of templates) {
    saved[template.id] = {
      options: template.isOptions,
      scopeFields: template.scopeFields,
      fields: Array.from(
        { length: template.fieldCount },
        (_, i) => [template.enterprise(i), template.fields[2 * i]!, template.fields[2 * i + 1]!] as const,
      ),
      refreshed: template.refreshedS,
    };
  }
  const domains = into[formatAddress(address)] ??= {};
  domains[`${version}-${id}`] = {
    templates: saved,
    rates: Array.from(rates, ({ kind, id, rate }) => [kind, id, rate] as const),
    systemInitMs,
  };
}

/**
 * Takes in what was saved, within the bounds of the state; what is too old is forgotten when it is asked for. Of two
 * templates the one that was sent later counts. None of it is news to be told of.
 *
 * @returns null, or why the value can't be used; the state may have some of it then
 */
export function restoreState(state: FlowState, saved: unknown): string | null {
  return state.untracked(() => restoreExporters(state, saved));
}

function restoreExporters(state: FlowState, saved: unknown): string | null {
  if (!isRecord(saved) || !isRecord(saved.Decoders)) return "Cannot read the decoders' state: it is no object";
  if (saved.Version !== VERSION) {
    return `Cannot read the decoders' state: its version is ${saved.Version}, not ${VERSION}`;
  }
  for (const [exporter, domains] of Object.entries(saved.Decoders)) {
    const address = parseAddressWords(exporter);
    if (address === undefined || !isRecord(domains)) return `Cannot read the state of exporter ${exporter}`;
    for (const [key, domain] of Object.entries(domains)) {
      const [, version, id] = /^(9|10)-(\d{1,10})$/.exec(key) ?? [];
      if (version === undefined || !restoreDomain(state, address, Number(version), Number(id), domain)) {
        return `Cannot read the state of domain ${key} of ${exporter}`;
      }
    }
  }
  return null;
}

function restoreDomain(state: FlowState, address: Uint32Array, version: number, id: number, saved: unknown): boolean {
  if (!isRecord(saved) || !isRecord(saved.templates) || !Array.isArray(saved.rates)) return false;
  const templates = Object.entries(saved.templates).map(([key, value]) => restoreTemplate(key, value, version, state));
  if (id > 0xffff_ffff || templates.includes(null)) return false;
  for (const template of templates) {
    const domain = state.domain(address, version, id);
    const known = domain.templates.get(template!.id);
    if (known === undefined || known.refreshedS <= template!.refreshedS) {
      state.setTemplate(domain, template!, template!.refreshedS);
    }
  }
  const domain = state.find(address)?.domain(version, id);
  if (domain === undefined) return true; // rates are of no use where no template is known
  if (isCount(saved.systemInitMs) && saved.systemInitMs > 0) state.setSystemInit(domain, saved.systemInitMs);
  for (const rate of saved.rates) {
    if (!Array.isArray(rate)) return false;
    const [kind, sampler, value] = rate;
    if (kind !== "sampler" && kind !== "interface" || !isCount(sampler) || !isCount(value)) return false;
    state.setRate(domain, kind, sampler, value);
  }
  return true;
}

function restoreTemplate(key: string, saved: unknown, version: number, { limits }: FlowState): Template | null {
  const id = Number(key);
  if (!isRecord(saved) || !Array.isArray(saved.fields) || !isCount(saved.refreshed)) return null;
  const { fields, options, scopeFields, refreshed } = saved;
  if (!(id >= 256 && id <= 0xffff) || fields.length > limits.fieldsPerTemplate) return null;
  if (!isCount(scopeFields) || scopeFields > fields.length || typeof options !== "boolean") return null;
  const pairs = new Uint16Array(2 * fields.length), enterprises = new Uint32Array(fields.length);
  for (const [i, field] of fields.entries()) {
    if (!Array.isArray(field) || field.length !== 3 || !field.every(isCount)) return null;
    [enterprises[i], pairs[2 * i], pairs[2 * i + 1]] = field as [number, number, number];
  }
  const hasEnterprises = enterprises.some((one) => one !== 0);
  const template = new Template(id, options, scopeFields, pairs, hasEnterprises ? enterprises : null, version === 10);
  template.refreshedS = refreshed;
  return template.leastLength > 0 ? template : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
