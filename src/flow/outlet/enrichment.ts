/** The sections of `flow.outlet` that say how flows are completed, and what completes those of one worker. */
import type { Clock } from "../../clock/mod.ts";
import type { Section } from "../../config/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import { startBmpServer } from "../bmp/bmp_server.ts";
import { type BmpSettings, readRoutingSettings } from "../bmp/config.ts";
import type { ColumnField } from "../columns.ts";
import { Classifiers, compileRules } from "../enrich/classify/classifier.ts";
import type { RuleSubject } from "../enrich/classify/functions.ts";
import { RuleError } from "../enrich/classify/rule_error.ts";
import { Enricher, METADATA_SETTINGS, readRequireMetadata } from "../enrich/enricher.ts";
import { type GeoipSettings, readGeoipSettings, startGeoip } from "../enrich/geoip.ts";
import { type MetadataSettings, newProviders, readMetadataSettings } from "../enrich/metadata/config.ts";
import { startMetadata } from "../enrich/metadata/metadata.ts";
import { Networks, type NetworkSettings, readNetworks } from "../enrich/networks.ts";
import type { PrefixEntry } from "../enrich/prefix_table.ts";
import { readSamplingSettings, SAMPLING_SETTINGS, SamplingRules, type SamplingSettings } from "../enrich/sampling.ts";
import { readSelectionSettings, SELECTION_SETTINGS, type SelectionSettings } from "../enrich/selection.ts";

/** How flows are completed. Plain data, so that it can cross to a thread. */
export interface EnrichmentConfig {
  readonly sampling: SamplingSettings;
  readonly selection: SelectionSettings;
  readonly requiresMetadata: boolean;
  /** Rules in their own language. */
  readonly exporterClassifiers: readonly string[];
  readonly interfaceClassifiers: readonly string[];
  readonly classifierCacheDurationMs: number;
  readonly metadata: MetadataSettings;
  readonly geoip: GeoipSettings;
  readonly networks: readonly PrefixEntry<NetworkSettings>[];
  /** Absent: nobody is asked for routes. */
  readonly routing?: BmpSettings;
  /** Nothing is consumed for so long after the start, so that routes can come. */
  readonly startupDelayMs: number;
}

/** The sections of `flow.outlet` that {@linkcode readEnrichmentConfig} reads. */
export const ENRICHMENT_SECTIONS = ["core", "metadata", "geoip", "networks", "routing"] as const;

/** Reads them. @throws {ConfigError} */
export function readEnrichmentConfig(outlet: Section): EnrichmentConfig {
  const core = outlet.section("core");
  core.refuseOthers([
    ...SAMPLING_SETTINGS,
    ...SELECTION_SETTINGS,
    ...METADATA_SETTINGS,
    "exporter_classifiers",
    "interface_classifiers",
    "classifier_cache_duration",
    "startup_delay",
  ]);
  const startupDelayMs = core.duration("startup_delay") ?? 0;
  if (startupDelayMs !== 0 && startupDelayMs < 1000) core.refuse("startup_delay", "0s, or a duration of 1s or more");
  const routing = readRoutingSettings(outlet.section("routing"));
  return {
    sampling: readSamplingSettings(core),
    selection: readSelectionSettings(core),
    requiresMetadata: readRequireMetadata(core),
    exporterClassifiers: readRules(core, "exporter_classifiers", "exporter"),
    interfaceClassifiers: readRules(core, "interface_classifiers", "interface"),
    classifierCacheDurationMs: core.duration("classifier_cache_duration", { atLeast: "1s" }) ?? 5 * 60_000,
    metadata: readMetadataSettings(outlet.section("metadata")),
    geoip: readGeoipSettings(outlet.section("geoip")),
    networks: readNetworks(outlet.section("networks")),
    ...(routing === undefined ? {} : { routing }),
    startupDelayMs,
  };
}

function readRules(core: Section, key: string, subject: RuleSubject): readonly string[] {
  const sources = core.strings(key) ?? [];
  try {
    compileRules(sources, subject);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    core.refuse(key, `rules that can be read: ${error.message}`, error);
  }
  return sources;
}

/** What completes the flows of one worker. */
export interface Enrichment extends AsyncDisposable {
  readonly enricher: Enricher;
}

/** What it is given. */
export interface EnrichmentDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** The columns that are stored. */
  readonly columns: ReadonlySet<ColumnField>;
}

/** Opens databases and begins to ask for names. @throws {GeoDatabaseError} on a database that can't be used */
export async function startEnrichment(config: EnrichmentConfig, deps: EnrichmentDeps): Promise<Enrichment> {
  const { clock, reporter, columns } = deps;
  const { exporterClassifiers, interfaceClassifiers, classifierCacheDurationMs } = config;
  await using stack = new AsyncDisposableStack();
  const { asnDatabases, geoDatabases } = config.geoip;
  const geoip = asnDatabases.length + geoDatabases.length === 0
    ? undefined
    : stack.use(await startGeoip(config.geoip, { clock, reporter }));
  const { providers } = config.metadata;
  const metadata = providers.length === 0 ? undefined : stack.use(
    await startMetadata(config.metadata, { clock, reporter, providers: newProviders(providers, { clock, reporter }) }),
  );
  const routing = config.routing === undefined
    ? undefined
    : stack.use(await startBmpServer(config.routing, { clock, reporter }));
  const enricher = new Enricher({ ...config.selection, requiresMetadata: config.requiresMetadata, columns }, {
    clock,
    reporter,
    sampling: new SamplingRules(config.sampling),
    classifiers: new Classifiers({
      exporterRules: compileRules(exporterClassifiers, "exporter"),
      interfaceRules: compileRules(interfaceClassifiers, "interface"),
      cacheDurationMs: classifierCacheDurationMs,
    }, { clock, reporter }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(config.networks.length === 0 ? {} : { networks: new Networks(config.networks) }),
    ...(geoip === undefined ? {} : { geoip }),
    ...(routing === undefined ? {} : { routing }),
  });
  const own = stack.move();
  return { enricher, [Symbol.asyncDispose]: () => own.disposeAsync() };
}
