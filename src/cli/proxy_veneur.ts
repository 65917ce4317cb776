/** The configuration of veneur-proxy, of any of its releases, in Limier's words. */
import {
  type Environment,
  formatPosition,
  nearestName,
  type Position,
  readDocument,
  type Section,
} from "../config/mod.ts";

/** What a key holds. `matchers` is a list of maps. */
type KeyType = "text" | "flag" | "number" | "duration" | "texts" | "matchers";

/** Where a key's value goes, what is missing to do it justice, or why it means nothing. */
type Becomes = { readonly place: string } | { readonly missing: string } | { readonly nothing: string };

type Row = readonly [key: string, type: KeyType, becomes: Becomes];

const proxy = (key: string): Becomes => ({ place: `proxy.${key}` });
const TRACES: Becomes = { missing: "the proxying of spans" };
const SSF: Becomes = { missing: "the sending of own spans" };
const TLS: Becomes = { missing: "gRPC over TLS" };
const CONNECTIONS: Becomes = { nothing: "no connection is kept; max_idle_conns_per_host bounds the requests at once" };
const OF_GO: Becomes = { nothing: "it is about Veneur's own runtime" };

const KEYS: readonly Row[] = [
  ["http_address", "text", { place: "http.address" }],
  ["http.enable_config", "flag", { place: "http.config" }],
  ["http.enable_profiling", "flag", { nothing: "profiles are always there" }],
  ["grpc_address", "text", proxy("grpc_address")],
  ["forward_address", "text", proxy("forward_address")],
  ["consul_forward_service_name", "text", proxy("consul_forward_service_name")],
  ["grpc_forward_address", "text", proxy("grpc_forward_address")],
  ["consul_forward_grpc_service_name", "text", proxy("consul_forward_grpc_service_name")],
  // The last release forwards over gRPC alone.
  ["forward_addresses", "texts", proxy("grpc_forward_addresses")],
  ["forward_service", "text", proxy("consul_forward_grpc_service_name")],
  ["consul_refresh_interval", "duration", proxy("consul_refresh_interval")],
  ["discovery_interval", "duration", proxy("consul_refresh_interval")],
  ["forward_timeout", "duration", proxy("forward_timeout")],
  ["max_idle_conns_per_host", "number", proxy("max_idle_conns_per_host")],
  ["send_buffer_size", "number", proxy("send_buffer_size")],
  ["shutdown_timeout", "duration", proxy("shutdown_timeout")],
  ["ignore_tags", "matchers", proxy("ignore_tags")],
  ["stats_address", "text", proxy("stats_address")],
  ["statsd.address", "text", proxy("stats_address")],
  ["runtime_metrics_interval", "duration", proxy("runtime_metrics_interval")],
  ["sentry_dsn", "text", { place: "sentry.dsn" }],
  ["debug", "flag", { place: "log_level" }],
  ["enable_profiling", "flag", { missing: "a profile of the whole run" }],
  ["trace_address", "text", TRACES],
  ["trace_api_address", "text", TRACES],
  ["consul_trace_service_name", "text", TRACES],
  ["ssf_destination_address", "text", SSF],
  ["tracing_client_capacity", "number", SSF],
  ["tracing_client_flush_interval", "duration", SSF],
  ["tracing_client_metrics_interval", "duration", SSF],
  ["grpc_tls_address", "text", TLS],
  ["idle_connection_timeout", "duration", CONNECTIONS],
  ["max_idle_conns", "number", CONNECTIONS],
  ["dial_timeout", "duration", { nothing: "forward_timeout bounds the connecting too" }],
  ["statsd.aggregation_interval", "duration", OF_GO],
  ["statsd.channel_buffer_size", "number", OF_GO],
  ["statsd.messages_per_payload", "number", OF_GO],
  ["grpc_server.connection_timeout", "duration", OF_GO],
  ["grpc_server.max_connection_idle", "duration", OF_GO],
  ["grpc_server.max_connection_age", "duration", OF_GO],
  ["grpc_server.max_connection_age_grace", "duration", OF_GO],
  ["grpc_server.ping_timeout", "duration", OF_GO],
  ["grpc_server.keepalive_timeout", "duration", OF_GO],
];

/** Keys that mean the same place, the one that wins first; and of how to find members, the service first. */
const RIVALS: readonly (readonly string[])[] = [
  ["consul_forward_service_name", "forward_address"],
  ["forward_service", "consul_forward_grpc_service_name", "forward_addresses", "grpc_forward_address"],
  ["discovery_interval", "consul_refresh_interval"],
  ["statsd.address", "stats_address"],
];

/** The keys that name a service. */
const SERVICES = ["consul_forward_service_name", "consul_forward_grpc_service_name", "forward_service"];

/** The label that pods of global instances bear. */
const POD_LABEL = "app=veneur-global";

/** What veneur-proxy's file says in Limier's words. */
export interface VeneurProxyTranslation {
  /** What the YAML of a file of Limier's would yield. */
  readonly config: Readonly<Record<string, unknown>>;
  /** A line each, with the place they are about. */
  readonly warnings: readonly string[];
}

/**
 * Translates a file and its variables `VENEUR_PROXY_…`, which win over it. Consul's own variables `CONSUL_HTTP_ADDR` and
 * `CONSUL_HTTP_TOKEN` say where it is; inside of a Kubernetes cluster its pods are asked for instead.
 *
 * @throws {ConfigErrors} on values of a wrong type, and on unknown keys if `strict`
 * @throws {ConfigError} where the file is no YAML
 */
export function translateVeneurProxy(
  text: string,
  file: string,
  env: Environment,
  { strict }: { readonly strict: boolean },
): VeneurProxyTranslation {
  const warnings: string[] = [];
  const warn = (at: Position, message: string) => void warnings.push(`${formatPosition(at)}: ${message}`);
  const root = readDocument(text, file, {
    env: overridesOf(env),
    prefix: PREFIX,
    expand: false,
    collect: true,
    ...strict ? {} : { onDuplicateKey: (at: Position) => warn(at, "the key stands twice; the last one counts") },
  });
  tellUnknown(root, strict, warn);
  const given = new Map<string, { value: unknown; at: Position }>();
  for (const [key, type] of KEYS) {
    const [section, name] = sectionOf(root, key);
    const value = readValue(section, name, type);
    if (!isBlank(value)) given.set(key, { value, at: section.atKey(name) });
  }
  root.throwCollected();
  for (const rivals of RIVALS) {
    const [winner, ...others] = rivals.filter((key) => given.has(key));
    for (const other of others) {
      warn(given.get(other)!.at, `${other} has no effect beside ${winner}`);
      given.delete(other);
    }
  }
  const config: Record<string, unknown> = { http: { address: "" }, proxy: consulKeys(env) };
  for (const [key, , becomes] of KEYS) {
    const found = given.get(key);
    if (found === undefined) continue;
    if ("missing" in becomes) {
      if (found.value !== false) warn(found.at, `${becomes.missing} is not supported: ${key} has no effect`);
    } else if ("place" in becomes) {
      if (key !== "debug") setAt(config, becomes.place, found.value);
      else if (found.value === true) setAt(config, becomes.place, "debug");
    }
  }
  if (env.KUBERNETES_SERVICE_HOST !== undefined && SERVICES.some((key) => given.has(key))) {
    const forward = given.get("forward_address");
    if (forward !== undefined) warn(forward.at, "forward_address has no effect beside the pods of a service");
    findPods(config.proxy as Record<string, unknown>);
  }
  return { config, warnings };
}

const PREFIX = "VENEUR_PROXY";

/** The variables under the names that overrides have: Veneur's own spelling knows no underscores in a key. */
function overridesOf(env: Environment): Record<string, string> {
  const overrides: Record<string, string> = {};
  for (const [key, type] of KEYS) {
    const spelt = key.split(".").map((part) => part.toUpperCase());
    const text = env[`${PREFIX}_${spelt.map((part) => part.replaceAll("_", "")).join("_")}`] ??
      env[`${PREFIX}_${spelt.join("_")}`];
    if (text !== undefined && type !== "matchers") overrides[`${PREFIX}_${spelt.join("__")}`] = asYaml(text, type);
  }
  return overrides;
}

/** The flags and lists of variables as YAML has them. */
function asYaml(text: string, type: KeyType): string {
  if (type === "flag" && /^(?:1|t|T|TRUE|True)$/.test(text)) return "true";
  if (type === "flag" && /^(?:0|f|F|FALSE|False)$/.test(text)) return "false";
  return type === "texts" ? JSON.stringify(text.split(",").filter((item) => item !== "")) : text;
}

function tellUnknown(root: Section, strict: boolean, warn: (at: Position, message: string) => void): void {
  const known = new Map<string, string[]>([["", []]]);
  for (const [key] of KEYS) {
    const [outer = "", inner] = key.split(".");
    known.get("")!.push(outer);
    if (inner !== undefined) known.set(outer, [...known.get(outer) ?? [], inner]);
  }
  known.get("")!.push("tls");
  if (root.has("tls")) warn(root.atKey("tls"), "gRPC over TLS is not supported: tls has no effect");
  for (const [name, keys] of known) {
    const section = name === "" ? root : root.section(name);
    if (strict) {
      section.refuseOthers(keys);
      continue;
    }
    for (const key of section.others(keys)) {
      const nearest = nearestName(key, keys);
      const hint = nearest === undefined ? "" : `; the closest known key is ${nearest}`;
      warn(section.atKey(key), `unknown key ${name === "" ? key : `${name}.${key}`} has no effect${hint}`);
    }
  }
}

function sectionOf(root: Section, key: string): [section: Section, name: string] {
  const [outer = "", inner] = key.split(".");
  return inner === undefined ? [root, outer] : [root.section(outer), inner];
}

function readValue(section: Section, key: string, type: KeyType): unknown {
  switch (type) {
    case "flag":
      return section.boolean(key);
    case "number":
      return section.integer(key);
    case "duration": // an empty text is one that is not set
      return section.value(key) === "" || section.duration(key) === undefined ? undefined : section.value(key);
    case "texts":
      return section.strings(key);
    case "matchers":
      return section.sections(key).map((matcher) => {
        const { unset: _, ...rest } = matcher.toObject(); // it means nothing for one tag
        return rest;
      });
    default:
      return section.string(key);
  }
}

/** Whether Veneur takes the value for none. */
function isBlank(value: unknown): boolean {
  return value === undefined || value === "" || value === 0 || Array.isArray(value) && value.length === 0;
}

function setAt(config: Record<string, unknown>, path: string, value: unknown): void {
  const [outer = "", inner] = path.split(".");
  if (inner === undefined) {
    config[outer] = value;
    return;
  }
  const section = (config[outer] ??= {}) as Record<string, unknown>;
  section[inner] = value;
}

/** As Consul's own clients find it. */
function consulKeys({ CONSUL_HTTP_ADDR: address, CONSUL_HTTP_TOKEN: token }: Environment): Record<string, unknown> {
  return {
    ...address === undefined || address === "" ? {} : { consul_address: address },
    ...token === undefined || token === "" ? {} : { consul_token: token },
  };
}

/** In a cluster a service's name stands for its pods, whatever it is; each pod says in which form it takes series. */
function findPods(proxy: Record<string, unknown>): void {
  for (const key of ["consul_forward_service_name", "consul_forward_grpc_service_name", "forward_address"]) {
    delete proxy[key];
  }
  proxy.kubernetes_forward_label = POD_LABEL;
}
