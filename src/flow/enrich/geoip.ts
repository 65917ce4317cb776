/** The configured databases: opened, watched, and opened again when their files change. */
import { basename, dirname, join, resolve } from "node:path";
import type { Clock, Running } from "../../clock/mod.ts";
import type { Section } from "../../config/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import { GeoDatabase } from "./geo_database.ts";

/** The section `flow.outlet.geoip`. */
export interface GeoipSettings {
  /** Databases that tell AS numbers; of equal prefixes the later file counts. */
  readonly asnDatabases: readonly string[];
  /** Databases that tell countries, states and cities. */
  readonly geoDatabases: readonly string[];
  /** A file that can't be used at the start is a warning; it is used once it can be. */
  readonly isOptional: boolean;
}

/** Reads the section. @throws {ConfigError} */
export function readGeoipSettings(section: Section): GeoipSettings {
  section.refuseOthers(["asn_database", "geo_database", "optional"]);
  const paths = (key: string) => {
    const written = typeof section.value(key) === "string" ? [section.string(key)!] : section.strings(key) ?? [];
    return written.filter((path, i) => written.lastIndexOf(path) === i);
  };
  return {
    asnDatabases: paths("asn_database"),
    geoDatabases: paths("geo_database"),
    isOptional: section.boolean("optional") ?? false,
  };
}

/** What the databases are given. */
export interface GeoipDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** The databases at hand, replaced as a whole when one changes. */
export interface Geoip extends Running {
  /** Databases in their order, those for places before those for AS numbers. */
  readonly databases: readonly GeoDatabase[];
}

/** A file is read again when it was left alone for so long: whoever writes it may not be done. */
const SETTLE_MS = 500;

/**
 * Opens the databases and follows their files.
 *
 * @throws {GeoDatabaseError} on one that can't be used, unless they are optional
 */
export async function startGeoip(settings: GeoipSettings, { clock, reporter }: GeoipDeps): Promise<Geoip> {
  const { asnDatabases, geoDatabases, isOptional } = settings;
  const files = [
    ...geoDatabases.map((path) => ({ path: resolve(path), label: "geo" })),
    ...asnDatabases.map((path) => ({ path: resolve(path), label: "asn" })),
  ];
  const refreshes = reporter.metrics.counter(
    "limier_outlet_geoip_db_refresh_total",
    "Databases that were opened, by what they are for.",
  );
  const open: (GeoDatabase | undefined)[] = files.map(() => undefined);
  let databases: readonly GeoDatabase[] = [];

  async function load(index: number): Promise<void> {
    const { path, label } = files[index]!;
    const { Reader } = await import("maxmind"); // loaded by those who have a database
    open[index] = new GeoDatabase(path, await Deno.readFile(path), Reader);
    databases = open.filter((one) => one !== undefined);
    refreshes.inc(1, { database: label });
  }

  for (const [index, { path }] of files.entries()) {
    try {
      await load(index);
    } catch (error) {
      if (!isOptional) throw error;
      reporter.warn(`Cannot use the database ${path} yet: ${error instanceof Error ? error.message : error}`);
    }
  }

  const stop = new AbortController();
  const watcher = files.length === 0
    ? undefined
    : watch([...new Set(files.map(({ path }) => dirname(path)))], reporter);
  const waiting = new Map<number, Promise<void>>();
  const changedMs = new Map<number, number>();

  async function reload(index: number): Promise<void> {
    for (let dueMs = 0; (dueMs = changedMs.get(index)! + SETTLE_MS) > clock.monotonic() && !stop.signal.aborted;) {
      await clock.sleep(dueMs - clock.monotonic(), stop.signal);
    }
    waiting.delete(index);
    if (stop.signal.aborted) return;
    try {
      await load(index);
      reporter.info(`Opened the database ${files[index]!.path} again`);
    } catch (error) {
      reporter.warn(`Cannot open a changed database, the old one stays in use`, { error, path: files[index]!.path });
    }
  }

  async function follow(): Promise<void> {
    if (watcher === undefined) return;
    for await (const { kind, paths } of watcher) {
      if (kind === "access" || kind === "remove") continue;
      for (const changed of paths) {
        const path = join(dirname(changed), basename(changed));
        for (const [index, file] of files.entries()) {
          if (file.path !== path) continue;
          changedMs.set(index, clock.monotonic());
          if (!waiting.has(index)) waiting.set(index, reload(index));
        }
      }
    }
  }

  const done = follow();
  return {
    get databases() {
      return databases;
    },
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      watcher?.close();
      await done;
      await Promise.all(waiting.values());
    },
  };
}

function watch(directories: readonly string[], reporter: Reporter): Deno.FsWatcher | undefined {
  try {
    return Deno.watchFs([...directories], { recursive: false });
  } catch (error) {
    reporter.warn("Cannot watch the files of the databases: restart to use new ones", { error });
    return undefined;
  }
}
