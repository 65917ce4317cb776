/** Rules in their order: what they say of exporters and interfaces. */
import type { Clock } from "../../../clock/mod.ts";
import {
  type CounterChild,
  type LogSampler,
  newLogSampler,
  type Reporter,
  type SampledLog,
} from "../../../telemetry/mod.ts";
import { Boundary } from "../../columns.ts";
import { compileRule, type Rule } from "./compile.ts";
import type { RuleSubject } from "./functions.ts";
import { RecentCache } from "./recent_cache.ts";
import { EXPORTER_ATTRIBUTES, RuleContext } from "./rule_context.ts";
import { RuleFailure } from "./rule_error.ts";

/** What rules say of an exporter; "" of an attribute: nothing. */
export interface ExporterClass {
  readonly group: string;
  readonly role: string;
  readonly site: string;
  readonly region: string;
  readonly tenant: string;
  /** Its flows are dropped. */
  readonly isRejected: boolean;
}

/** An interface as rules see it. */
export interface ClassifiedInterface {
  readonly exporterIp: string;
  readonly exporterName: string;
  readonly index: number;
  readonly name: string;
  readonly description: string;
  /** Mbit/s. */
  readonly speed: number;
  /** 0 unless rules read it: see {@linkcode Classifiers.readsVlan}. */
  readonly vlan: number;
}

/** What rules say of an interface; its name and description are those to be shown. */
export interface InterfaceClass {
  readonly name: string;
  readonly description: string;
  readonly provider: string;
  readonly connectivity: string;
  /** A value of {@linkcode Boundary}. */
  readonly boundary: number;
  readonly isRejected: boolean;
}

/** The rules, in their order, and how long their answers are kept. */
export interface ClassifierSettings {
  readonly exporterRules: readonly Rule[];
  readonly interfaceRules: readonly Rule[];
  readonly cacheDurationMs: number;
}

/** What classifiers are given. */
export interface ClassifierDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** Compiles rules. @throws {RuleError} */
export function compileRules(sources: readonly string[], subject: RuleSubject): Rule[] {
  return sources.map((source) => compileRule(source, subject));
}

const UNCLASSIFIED: ExporterClass = { group: "", role: "", site: "", region: "", tenant: "", isRejected: false };

/** Answers of each kind that are kept. */
const MOST_KEPT = 100_000;

/** Classifies exporters and interfaces, each once in a while. */
export class Classifiers {
  readonly #settings: ClassifierSettings;
  readonly #clock: Clock;
  readonly #log: SampledLog;
  readonly #exporters: RecentCache<ExporterClass>;
  readonly #interfaces: RecentCache<InterfaceClass>;
  readonly #context = new RuleContext();
  readonly #errors: Readonly<Record<RuleSubject, readonly CounterChild[]>>;
  /** Whether a rule about interfaces reads `Interface.VLAN`. */
  readonly readsVlan: boolean;

  constructor(settings: ClassifierSettings, { clock, reporter }: ClassifierDeps) {
    this.#settings = settings;
    this.#clock = clock;
    const sampler: LogSampler = newLogSampler(reporter, clock);
    this.#log = sampler.sampled("flow.classifier", 1);
    this.#exporters = new RecentCache(settings.cacheDurationMs, MOST_KEPT);
    this.#interfaces = new RecentCache(settings.cacheDurationMs, MOST_KEPT);
    this.readsVlan = settings.interfaceRules.some(({ reads }) => reads.has("Interface.VLAN"));
    const { metrics } = reporter;
    const errors = metrics.counter("limier_outlet_core_classifier_errors_total", "Rules that could not be evaluated.");
    const children = (type: RuleSubject, rules: readonly Rule[]) =>
      rules.map((_, index) => errors.child({ type, index: `${index}` }));
    this.#errors = {
      exporter: children("exporter", settings.exporterRules),
      interface: children("interface", settings.interfaceRules),
    };
    const exporterItems = metrics.gauge("limier_outlet_core_classifier_exporter_cache_items", "Exporters classified.");
    const interfaceItems = metrics.gauge(
      "limier_outlet_core_classifier_interface_cache_items",
      "Interfaces classified.",
    );
    metrics.onCollect(() => {
      exporterItems.set(this.#exporters.size);
      interfaceItems.set(this.#interfaces.size);
    });
  }

  /** What the rules say of an exporter. The same object as long as it is kept. */
  exporter(ip: string, name: string): ExporterClass {
    if (this.#settings.exporterRules.length === 0) return UNCLASSIFIED;
    return this.#exporters.get(`${ip}\0${name}`, this.#clock.monotonic(), () => {
      const context = this.#context;
      context.begin();
      context.exporterIp = ip;
      context.exporterName = name;
      this.#run(
        "exporter",
        this.#settings.exporterRules,
        () => EXPORTER_ATTRIBUTES.every((one) => context[one] !== ""),
      );
      const { group, role, site, region, tenant, isRejected } = context;
      return { group, role, site, region, tenant, isRejected };
    });
  }

  /** What the rules say of an interface. The same object as long as it is kept. */
  interface(seen: ClassifiedInterface): InterfaceClass {
    const { exporterIp, exporterName, index, name, description, speed, vlan } = seen;
    const key = `${exporterIp}\0${exporterName}\0${index}\0${name}\0${description}\0${speed}\0${vlan}`;
    return this.#interfaces.get(key, this.#clock.monotonic(), () => this.#classifyInterface(seen));
  }

  #classifyInterface(seen: ClassifiedInterface): InterfaceClass {
    const context = this.#context;
    context.begin();
    context.exporterIp = seen.exporterIp;
    context.exporterName = seen.exporterName;
    context.interfaceIndex = seen.index;
    context.interfaceName = seen.name;
    context.interfaceDescription = seen.description;
    context.interfaceSpeed = seen.speed;
    context.interfaceVlan = seen.vlan;
    this.#run(
      "interface",
      this.#settings.interfaceRules,
      () => context.connectivity !== "" && context.provider !== "" && context.boundary !== "",
    );
    return {
      name: context.name || seen.name,
      description: context.description || seen.description,
      provider: context.provider,
      connectivity: context.connectivity,
      boundary: Boundary[context.boundary || "undefined"],
      isRejected: context.isRejected,
    };
  }

  #run(subject: RuleSubject, rules: readonly Rule[], isComplete: () => boolean): void {
    for (const [index, rule] of rules.entries()) {
      try {
        rule.evaluate(this.#context);
      } catch (error) {
        if (!(error instanceof RuleFailure)) throw error;
        this.#errors[subject][index]!.inc();
        this.#log.error(`Cannot evaluate rule ${index + 1} about ${subject}s: ${error.message}`, { rule: rule.source });
        return;
      }
      if (this.#context.isRejected || isComplete()) return;
    }
  }
}
