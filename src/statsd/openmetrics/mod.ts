/**
 * Pages of metrics, in the Prometheus text format or as OpenMetrics text: read, and scraped into the aggregation.
 *
 * @module
 */
export {
  type Exposition,
  type ExpositionOptions,
  type ExpositionSample,
  FAMILY_TYPES,
  type FamilyType,
  parseExposition,
  type SamplePart,
} from "./exposition_wire.ts";
export { type ScrapingDeps, startScraping } from "./source.ts";
export { readSources, SOURCE_KEYS, type SourceConfig, sourceSection } from "./source_config.ts";
