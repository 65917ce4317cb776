/** All that completes flows, read from settings, started and stopped together. */
import type { Clock, Running } from "../../clock/mod.ts";
import type { Section } from "../../config/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import { type BmpServer, startBmpServer } from "../bmp/bmp_server.ts";
import { type BmpSettings, readRoutingSettings } from "../bmp/config.ts";
import type { ColumnField } from "../columns.ts";
import { Classifiers, type ClassifierSettings } from "./classify/classifier.ts";
import { CLASSIFIER_SETTINGS, readClassifierSettings } from "./classify/config.ts";
import { Enricher, METADATA_SETTINGS, readRequireMetadata } from "./enricher.ts";
import { type Geoip, type GeoipSettings, readGeoipSettings, startGeoip } from "./geoip.ts";
import { type MetadataSettings, newProviders, readMetadataSettings } from "./metadata/config.ts";
import { type MetadataSource, startMetadata } from "./metadata/metadata.ts";
import { Networks, type NetworkSettings, readNetworks } from "./networks.ts";
import type { PrefixEntry } from "./prefix_table.ts";
import { readSamplingSettings, SAMPLING_SETTINGS, SamplingRules, type SamplingSettings } from "./sampling.ts";
import { readSelectionSettings, SELECTION_SETTINGS, type SelectionSettings } from "./selection.ts";

/** What the sections of `flow.outlet` say of it. */
export interface EnrichmentSettings {
  readonly requiresMetadata: boolean;
  readonly selection: SelectionSettings;
  readonly sampling: SamplingSettings;
  readonly classifiers: ClassifierSettings;
  readonly metadata: MetadataSettings;
  readonly geoip: GeoipSettings;
  readonly networks: readonly PrefixEntry<NetworkSettings>[];
  /** Absent: no routes. */
  readonly routing?: BmpSettings;
}

/** The keys of `flow.outlet.core` that it reads; others there are for others. */
export const ENRICHMENT_CORE_SETTINGS: readonly string[] = [
  ...METADATA_SETTINGS,
  ...SELECTION_SETTINGS,
  ...SAMPLING_SETTINGS,
  ...CLASSIFIER_SETTINGS,
];

/** The sections of `flow.outlet` that are its own, beside a part of `core`. */
export const ENRICHMENT_SECTIONS = ["metadata", "geoip", "networks", "routing"] as const;

/** Reads them out of the section `flow.outlet`. @throws {ConfigError} */
export function readEnrichmentSettings(outlet: Section): EnrichmentSettings {
  const core = outlet.section("core");
  const routing = readRoutingSettings(outlet.section("routing"));
  return {
    requiresMetadata: readRequireMetadata(core),
    selection: readSelectionSettings(core),
    sampling: readSamplingSettings(core),
    classifiers: readClassifierSettings(core),
    metadata: readMetadataSettings(outlet.section("metadata")),
    geoip: readGeoipSettings(outlet.section("geoip")),
    networks: readNetworks(outlet.section("networks")),
    ...(routing !== undefined && { routing }),
  };
}

/** What it is given. */
export interface EnrichmentDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** All of it, running. Disposing stops it and keeps what is to be kept. */
export interface Enrichment extends Running {
  /**
   * An enricher for one worker's batches.
   *
   * @param columns the columns that are stored; those of the usual schema unless given
   */
  newEnricher(columns?: ReadonlySet<ColumnField>): Enricher;
  readonly metadata: MetadataSource;
  readonly geoip: Geoip;
  readonly routing?: BmpServer;
}

/**
 * Opens databases, reads the metadata's cache, listens for routers.
 *
 * @throws {GeoDatabaseError} on a database that can't be used
 * @throws {SystemError} on an address that is taken
 */
export async function startEnrichment(settings: EnrichmentSettings, deps: EnrichmentDeps): Promise<Enrichment> {
  const { clock, reporter } = deps;
  await using starting = new AsyncDisposableStack();
  const geoip = starting.use(await startGeoip(settings.geoip, deps));
  const routing = settings.routing && starting.use(await startBmpServer(settings.routing, deps));
  const providers = newProviders(settings.metadata.providers, deps);
  const metadata = starting.use(await startMetadata(settings.metadata, { clock, reporter, providers }));
  const networks = new Networks(settings.networks);
  const sampling = new SamplingRules(settings.sampling);
  const classifiers = new Classifiers(settings.classifiers, deps);
  const prefixes = reporter.metrics.gauge("limier_outlet_networks_prefixes", "Networks that settings name.");
  prefixes.set(networks.size);
  const running = starting.move();
  const parts = [geoip.done, metadata.done, ...(routing === undefined ? [] : [routing.done])];
  return {
    newEnricher: (columns) =>
      new Enricher(
        {
          ...settings.selection,
          requiresMetadata: settings.requiresMetadata,
          ...(columns !== undefined && { columns }),
        },
        {
          clock,
          reporter,
          sampling,
          classifiers,
          metadata,
          networks,
          geoip,
          ...(routing !== undefined && { routing }),
        },
      ),
    metadata,
    geoip,
    ...(routing !== undefined && { routing }),
    done: Promise.all(parts).then(() => {}),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
