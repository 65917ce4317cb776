/** Settings that Burrow's files have and that pages show; what they do is done by those who start the process. */
import type { Section } from "../../config/mod.ts";

/** A value of a page. */
type Shown = string | number | boolean | readonly string[];
/** A part of the page. */
export type ShownMap = Readonly<Record<string, Shown>>;

/** What `/v3/config` shows beside the modules. */
export interface PageView {
  /** `/metrics` shows Burrow's page, and paths that nobody knows are answered as Burrow does. */
  readonly asBurrow: boolean;
  /** The header `Access-Control-Allow-Origin` of every answer; "" sends none. */
  readonly allowOrigin: string;
  readonly general: ShownMap;
  readonly logging: ShownMap;
  readonly zookeeper: ShownMap;
  readonly httpserver: Readonly<Record<string, ShownMap>>;
}

/** Nothing is set. */
export const NO_PAGE_VIEW: PageView = {
  asBurrow: false,
  allowOrigin: "",
  general: { pidfile: "", "stdout-logfile": "", "access-control-allow-origin": "" },
  logging: {
    filename: "",
    "max-size": 0,
    "max-backups": 0,
    "max-age": 0,
    "use-local-time": false,
    "use-compression": false,
    level: "info",
  },
  zookeeper: { servers: [], timeout: 0, "root-path": "" },
  httpserver: {},
};

/** The keys of the section. */
export const PAGE_VIEW_KEYS: readonly string[] = [
  "as_burrow",
  "allow_origin",
  "general",
  "logging",
  "zookeeper",
  "httpserver",
];

/** Reads what is to be shown. @throws {ConfigError} */
export function readPageView(section: Section, keys: readonly string[]): PageView {
  section.refuseOthers(keys);
  const d = NO_PAGE_VIEW;
  const httpserver = section.section("httpserver");
  return {
    asBurrow: section.boolean("as_burrow") ?? d.asBurrow,
    allowOrigin: section.string("allow_origin") ?? d.allowOrigin,
    general: { ...d.general, ...shownMap(section.section("general")) },
    logging: { ...d.logging, ...shownMap(section.section("logging")) },
    zookeeper: { ...d.zookeeper, ...shownMap(section.section("zookeeper")) },
    httpserver: Object.fromEntries(httpserver.entries().map(([name, one]) => [name, shownMap(one)])),
  };
}

function shownMap(section: Section): ShownMap {
  return Object.fromEntries(
    section.keys().map((key) => {
      const value = section.value(key);
      const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean" ||
        Array.isArray(value) && value.every((one) => typeof one === "string");
      return [key, isPlain ? value as Shown : section.fail(key, "a text, a number, true or false, or a list of texts")];
    }),
  );
}
