/** Burrow's configuration in Limier's words. */
import { ConfigError, ConfigErrors, type Environment, formatPosition, type Position } from "../config/mod.ts";
import { type BurrowFile, type BurrowSection, readBurrowFile } from "./burrow_file.ts";
import { type BurrowKey, NAMED_SECTIONS } from "./burrow_keys.ts";

/** What became of a file. */
export interface BurrowTranslation {
  /** What the YAML of a Limier file would yield. */
  readonly config: Readonly<Record<string, unknown>>;
  /** A line each, with the place they are about. */
  readonly warnings: readonly string[];
  /** The file that is to hold the process's number; "" for none. */
  readonly pidFile: string;
  /** Whether the file says so. */
  readonly namesPidFile: boolean;
  /** Where the log goes instead of standard error. */
  readonly logFile: BurrowLogFile | undefined;
  /** The path in the file of what became this setting, and where it stands. */
  origin(path: string): { readonly path: string; readonly at: Position } | undefined;
}

/** A log that begins a new file when it is long. */
export interface BurrowLogFile {
  readonly path: string;
  readonly maxBytes: number;
  readonly maxBackups: number;
  readonly maxAgeMs: number;
}

type Yaml = Record<string, unknown>;

const MIB = 2 ** 20;
const DAY_MS = 86_400_000;
const LEVELS: Readonly<Record<string, string>> = {
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  panic: "error",
  fatal: "error",
};

/**
 * Translates a file and its variables.
 *
 * @throws {ConfigError} where the file is no TOML
 * @throws {ConfigErrors} on values of a wrong type, and on references to nothing
 */
export function translateBurrowConfig(text: string, file: string, env: Environment): BurrowTranslation {
  const burrow = readBurrowFile(text, file, env);
  const translation = new Translation(burrow);
  return translation.run();
}

class Translation {
  readonly #file: BurrowFile;
  readonly #warnings: string[];
  readonly #errors: ConfigError[];
  /** The file's path by ours. */
  readonly #origins = new Map<string, string>();

  constructor(file: BurrowFile) {
    this.#file = file;
    this.#warnings = [...file.warnings];
    this.#errors = [...file.errors];
  }

  run(): BurrowTranslation {
    const general = this.#file.singles.get("general")!;
    const logging = this.#file.singles.get("logging")!;
    const lag: Yaml = {
      page: this.#page(general, logging),
      client_profiles: this.#profiles(),
      listeners: this.#listeners(),
    };
    for (
      const [kind, name] of [["storage", "storage"], ["evaluator", "evaluator"], ["cluster", "clusters"], [
        "consumer",
        "consumers",
      ], ["notifier", "notifiers"]] as const
    ) {
      lag[name] = this.#modules(kind, `lag.${name}`);
    }
    this.#origins.set("lag.clusters", "cluster");
    this.#origins.set("lag.storage", "storage");
    this.#origins.set("lag.evaluator", "evaluator");
    this.#tellOfTheRest(general);
    if (this.#errors.length > 0) throw new ConfigErrors(this.#errors);
    return {
      config: {
        statsd: { udp_address: "" },
        http: { address: "" },
        outputs: [],
        log_level: this.#level(logging),
        lag,
      },
      warnings: this.#warnings,
      pidFile: String(general.get("pidfile") ?? "burrow.pid"),
      namesPidFile: general.has("pidfile"),
      logFile: logFileOf(logging),
      origin: (path) => this.#origin(path),
    };
  }

  #origin(path: string): { path: string; at: Position } | undefined {
    for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
      const found = this.#origins.get(at);
      if (found === undefined) continue;
      const own = `${found}${path.slice(at.length).replaceAll("_", "-")}`;
      return { path: own, at: this.#file.placeOf(own) };
    }
    return undefined;
  }

  /** A kind's modules under our names. */
  #modules(kind: string, path: string): Yaml {
    const keys = NAMED_SECTIONS[kind]!;
    return Object.fromEntries([...this.#file.named.get(kind)!].map(([name, section]) => {
      this.#origins.set(`${path}.${name}`, `${kind}.${name}`);
      if ((kind === "cluster" || kind === "consumer") && section.has("client-profile")) {
        this.#need(`${kind}.${name}.client-profile`, "client-profile", String(section.get("client-profile")));
      }
      return [name, this.#translated(section, keys, `${path}.${name}`, `${kind}.${name}`)];
    }));
  }

  #translated(section: BurrowSection, keys: readonly BurrowKey[], path: string, own: string): Yaml {
    const values: Yaml = {};
    for (const { key, type, name } of keys) {
      const value = section.get(key);
      if (value === undefined || name === "") continue;
      // An empty text is as good as none there.
      if (value === "" && key !== "group-allowlist" && key !== "group-denylist") continue;
      this.#origins.set(`${path}.${name}`, `${own}.${key}`);
      values[name] = type === "seconds" ? `${value}s` : value;
    }
    return values;
  }

  #profiles(): Yaml {
    const keys = NAMED_SECTIONS["client-profile"]!.filter(({ key }) => !["tls", "sasl", "iam"].includes(key));
    return Object.fromEntries([...this.#file.named.get("client-profile")!].map(([name, section]) => {
      const own = `client-profile.${name}`;
      const path = `lag.client_profiles.${name}`;
      this.#origins.set(path, own);
      const profile = this.#translated(section, keys, path, own);
      profile.client_id ??= "burrow-lagchecker";
      if (section.has("iam")) {
        this.#refuse(`${own}.iam`, section.get("iam"), "sasl: signing in by AWS IAM is not known here");
      }
      for (const kind of ["tls", "sasl"] as const) {
        const wanted = section.get(kind);
        if (typeof wanted !== "string" || wanted === "") continue;
        const found = this.#need(`${own}.${kind}`, kind, wanted);
        if (found === undefined) continue;
        this.#origins.set(`${path}.${kind}`, `${kind}.${wanted}`);
        profile[kind] = {
          name: wanted,
          ...this.#translated(found, NAMED_SECTIONS[kind]!, `${path}.${kind}`, `${kind}.${wanted}`),
        };
      }
      return [name, profile];
    }));
  }

  #listeners(): Yaml[] {
    const servers = [...this.#file.named.get("httpserver")!];
    if (servers.length === 0) return [{ name: "default", address: "127.0.0.1:0" }];
    return servers.map(([name, section], i) => {
      const own = `httpserver.${name}`;
      const path = `lag.listeners[${i}]`;
      this.#origins.set(path, own);
      const listener: Yaml = { name, ...this.#translated(section, NAMED_SECTIONS["httpserver"]!, path, own) };
      const wanted = section.get("tls");
      if (typeof wanted === "string" && wanted !== "") {
        const tls = this.#need(`${own}.tls`, "tls", wanted);
        const [certFile, keyFile] = [tls?.get("certfile") ?? "", tls?.get("keyfile") ?? ""];
        if (tls !== undefined && (certFile === "" || keyFile === "")) {
          this.#refuse(`${own}.tls`, wanted, "a profile with certfile and keyfile");
        }
        if (certFile !== "" && keyFile !== "") Object.assign(listener, { cert_file: certFile, key_file: keyFile });
      }
      return listener;
    });
  }

  #page(general: BurrowSection, logging: BurrowSection): Yaml {
    const zookeeper = this.#file.singles.get("zookeeper")!;
    const httpserver = [...this.#file.named.get("httpserver")!].map(([name, section]) => [name, {
      address: section.get("address") ?? "",
      tls: section.get("tls") ?? "",
      timeout: section.get("timeout") ?? 300,
    }]);
    return {
      as_burrow: true,
      allow_origin: general.get("access-control-allow-origin") ?? "",
      general: {
        pidfile: general.get("pidfile") ?? "burrow.pid",
        "stdout-logfile": general.get("stdout-logfile") ?? "",
        "access-control-allow-origin": general.get("access-control-allow-origin") ?? "",
      },
      logging: {
        filename: logging.get("filename") ?? "",
        "max-size": logging.get("maxsize") ?? 100,
        "max-backups": logging.get("maxbackups") ?? 10,
        "max-age": logging.get("maxage") ?? 30,
        "use-local-time": logging.get("use-localtime") ?? false,
        "use-compression": logging.get("use-compression") ?? false,
        level: logging.get("level") ?? "info",
      },
      zookeeper: {
        servers: zookeeper.get("servers") ?? [],
        timeout: zookeeper.get("timeout") ?? 6,
        "root-path": zookeeper.get("root-path") ?? "/burrow",
      },
      httpserver: Object.fromEntries(httpserver),
    };
  }

  #level(logging: BurrowSection): string {
    const written = String(logging.get("level") ?? "info").toLowerCase();
    const level = LEVELS[written];
    if (level === undefined) this.#warn("logging.level", `${written} is no level: info is used`);
    return level ?? "info";
  }

  #tellOfTheRest(general: BurrowSection): void {
    if (general.has("stdout-logfile")) {
      this.#warn("general.stdout-logfile", "it has no effect: let the service manager keep what is printed");
    }
    const zookeeper = this.#file.singles.get("zookeeper")!;
    if (zookeeper.size > 0 && this.#file.named.get("notifier")!.size > 0) {
      this.#warn("zookeeper", "no lock is taken: every instance with notifiers notifies");
    }
    for (const name of this.#file.named.get("iam")!.keys()) this.#warn(`iam.${name}`, "it has no effect");
    for (const [name, section] of this.#file.named.get("sasl")!) {
      if (section.get("handshake-first") === false) {
        this.#warn(`sasl.${name}.handshake-first`, "it has no effect: brokers want the handshake first");
      }
    }
  }

  /** The profile that is named. */
  #need(path: string, kind: string, name: string): BurrowSection | undefined {
    const found = this.#file.named.get(kind)!.get(name);
    if (found === undefined) this.#refuse(path, name, `a section that is there: unknown ${kind} '${name}'`);
    return found;
  }

  #refuse(path: string, value: unknown, want: string): void {
    this.#errors.push(new ConfigError(this.#file.placeOf(path), path, value, want));
  }

  #warn(path: string, message: string): void {
    this.#warnings.push(`${formatPosition(this.#file.placeOf(path))}: ${path}: ${message}`);
  }
}

function logFileOf(logging: BurrowSection): BurrowLogFile | undefined {
  const path = logging.get("filename");
  if (typeof path !== "string" || path === "") return undefined;
  return {
    path,
    maxBytes: Number(logging.get("maxsize") ?? 100) * MIB,
    maxBackups: Number(logging.get("maxbackups") ?? 10),
    maxAgeMs: Number(logging.get("maxage") ?? 30) * DAY_MS,
  };
}
