/** The `tcpinfo` section: which TCP connections are watched, how often, and where their records go. */
import { formatDuration, formatSize, type Section } from "../config/mod.ts";
import { parseIpv4, parseIpv6 } from "../linux/mod.ts";

/** How addresses are hidden in archives. */
export const ANONYMIZATIONS = ["none", "netblock"] as const;
/** `netblock` keeps the first 24 bits of an IPv4 address and the first 48 of an IPv6 one. */
export type Anonymization = (typeof ANONYMIZATIONS)[number];

/** Where records are written. */
export interface ArchiveConfig {
  /** Below it stand `YYYY/MM/DD/UUID.SEQUENCE.jsonl.zst`; "" archives nothing. */
  readonly directory: string;
  /** What a connection's name begins with; "" for that of the file, or of this host. */
  readonly uuidPrefix: string;
  /** A file that holds the prefix; "" for none. Read when the source starts. */
  readonly uuidPrefixFile: string;
  /** A file takes records for so long, counted from the connection's first. */
  readonly fileAgeLimitMs: number;
  /** A record is on disk after so long, whatever happens to the process. */
  readonly flushIntervalMs: number;
  /** Memory for records that wait to be written, all connections together. */
  readonly bufferBytes: number;
  /** A file that is complete is forced to the disk before it gets its name. */
  readonly fsync: boolean;
  /** Connections that lived between two polls are archived as well. */
  readonly missed: boolean;
}

/** The `tcpinfo` section. Plain data, so that it can cross to a worker. */
export interface TcpinfoConfig {
  readonly enabled: boolean;
  /** From the start of one poll to that of the next; a poll that takes longer is followed by the next at once. */
  readonly pollIntervalMs: number;
  /** Polls until the source ends by itself; 0 never. */
  readonly reps: number;
  /** The most connections that are known at a time; those beyond are counted and left out. */
  readonly maxConnections: number;
  /** Threads that compress and write. */
  readonly marshallers: number;
  /** Asks the kernel to tell of each socket that it frees. */
  readonly destroyNotifications: boolean;
  readonly archive: ArchiveConfig;
  readonly exclude: {
    readonly local: boolean;
    /** Local ports. */
    readonly srcports: readonly number[];
    /** Remote addresses, canonical text. */
    readonly dstips: readonly string[];
  };
  readonly anonymizeIp: Anonymization;
  /** A unix socket on which connections are announced; "" announces none. */
  readonly eventsocket: string;
  /** Permissions of its file. */
  readonly eventsocketMode: number;
  /** Each connection that closes adds to the aggregation: rtt, retransmits, bytes by remote network. */
  readonly meter: boolean;
  /** What was written and means nothing here, in words. */
  readonly warnings: readonly string[];
}

/** The keys of the section; those behind the gap are the flags of M-Lab's tcp-info. */
export const TCPINFO_KEYS: readonly string[] = [
  "enabled",
  "poll_interval",
  "reps",
  "max_connections",
  "marshallers",
  "destroy_notifications",
  "archive",
  "exclude",
  "anonymize_ip",
  "eventsocket",
  "eventsocket_mode",
  "meter",

  "output",
  "uuid_prefix_file",
  "exclude_srcport",
  "exclude_dstip",
  "prometheusx_listen_address",
  "trace",
  "logx_debug",
];

const ARCHIVE_KEYS: readonly string[] = [
  "directory",
  "uuid_prefix",
  "uuid_prefix_file",
  "file_age_limit",
  "flush_interval",
  "buffer",
  "fsync",
  "missed",
];

/** The one place where these defaults are written. */
const DEFAULTS = {
  pollIntervalMs: 1000,
  maxConnections: 200_000,
  marshallers: 2,
  fileAgeLimitMs: 600_000,
  flushIntervalMs: 5000,
  bufferBytes: 8 * 1024 * 1024,
  eventsocketMode: 0o660,
};

/** The section as it is when nothing is written: everything is watched, nothing archived. */
export function readTcpinfoConfig(section: Section, enabledByDefault = true): TcpinfoConfig {
  section.refuseOthers(TCPINFO_KEYS);
  const warnings: string[] = [];
  const mode = section.string("eventsocket_mode");
  if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) {
    section.refuse("eventsocket_mode", 'octal digits such as "0660"');
  }
  const config: TcpinfoConfig = {
    enabled: section.boolean("enabled") ?? enabledByDefault,
    pollIntervalMs: section.duration("poll_interval", { atLeast: "1ms", atMost: "1h" }) ?? DEFAULTS.pollIntervalMs,
    reps: section.integer("reps", { atLeast: 0 }) ?? 0,
    maxConnections: section.integer("max_connections", { atLeast: 1, atMost: 10_000_000 }) ?? DEFAULTS.maxConnections,
    marshallers: section.integer("marshallers", { atLeast: 0, atMost: 64 }) ?? DEFAULTS.marshallers,
    destroyNotifications: section.boolean("destroy_notifications") ?? true,
    archive: readArchive(section),
    exclude: readExclude(section, warnings),
    anonymizeIp: section.oneOf("anonymize_ip", ANONYMIZATIONS) ?? "none",
    eventsocket: section.string("eventsocket") ?? "",
    eventsocketMode: mode === undefined ? DEFAULTS.eventsocketMode : parseInt(mode, 8),
    meter: section.boolean("meter") ?? false,
    warnings,
  };
  if (config.marshallers === 0) section.refuse("marshallers", "1 or more: the saver has zero marshallers");
  for (const [key, instead] of Object.entries(ELSEWHERE)) {
    if (section.has(key)) warnings.push(`Ignored tcpinfo.${key}: ${instead}`);
  }
  return config;
}

/** Flags of the original that have another place here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  prometheusx_listen_address: "the metrics are on http.address, at /metrics/tcpinfo",
  trace: "profiles are taken at /debug/pprof/profile",
  logx_debug: "write log_level: debug",
};

function readArchive(section: Section): ArchiveConfig {
  const archive = section.section("archive");
  archive.refuseOthers(ARCHIVE_KEYS);
  const either = (key: string, flag: string): string => {
    const [named, flagged] = [archive.string(key), section.string(flag)];
    if (named !== undefined && flagged !== undefined) section.refuse(flag, `either it or tcpinfo.archive.${key}`);
    return named ?? flagged ?? "";
  };
  const config: ArchiveConfig = {
    directory: either("directory", "output"),
    uuidPrefix: archive.string("uuid_prefix") ?? "",
    uuidPrefixFile: either("uuid_prefix_file", "uuid_prefix_file"),
    fileAgeLimitMs: archive.duration("file_age_limit", { atLeast: "1s" }) ?? DEFAULTS.fileAgeLimitMs,
    flushIntervalMs: archive.duration("flush_interval", { atLeast: "100ms" }) ?? DEFAULTS.flushIntervalMs,
    bufferBytes: archive.size("buffer", { atLeast: "1MiB", atMost: "4GiB" }) ?? DEFAULTS.bufferBytes,
    fsync: archive.boolean("fsync") ?? true,
    missed: archive.boolean("missed") ?? true,
  };
  if (!isUsablePrefix(config.uuidPrefix)) archive.refuse("uuid_prefix", "a text without / and NUL");
  if (config.uuidPrefix !== "" && config.uuidPrefixFile !== "") {
    archive.refuse("uuid_prefix", "either it or uuid_prefix_file");
  }
  return config;
}

/** Whether connections' names, which are names of files, may begin with it. */
export function isUsablePrefix(prefix: string): boolean {
  return !/[/\0]/.test(prefix);
}

function readExclude(section: Section, warnings: string[]): TcpinfoConfig["exclude"] {
  const exclude = section.section("exclude");
  exclude.refuseOthers(["local", "srcports", "dstips"]);
  const ports: number[] = [], addresses: string[] = [];
  for (const text of [...listed(exclude, "srcports"), ...listed(section, "exclude_srcport")]) {
    if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65535) ports.push(Number(text));
    else warnings.push(`Cannot leave out the local port ${text}: write 0 to 65535; the others stay in force`);
  }
  for (const text of [...listed(exclude, "dstips"), ...listed(section, "exclude_dstip")]) {
    if (parseIpv4(text) !== undefined || parseIpv6(text) !== undefined) addresses.push(text);
    else warnings.push(`Cannot leave out the remote address ${text}: write an IP address; the others stay in force`);
  }
  return { local: exclude.boolean("local") ?? true, srcports: [...new Set(ports)], dstips: [...new Set(addresses)] };
}

/** A list of texts and numbers, or one text with commas between: the flags were written that way. */
function listed(section: Section, key: string): string[] {
  const value = section.value(key);
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
  if (!values.every((one) => typeof one === "string" || typeof one === "number")) {
    section.refuse(key, "a list, or a text with commas between");
    return [];
  }
  return values.flatMap((one) => String(one).split(",")).map((one) => one.trim()).filter((one) => one !== "");
}

/** Whether two sections say the same. */
export function isSameTcpinfo(a: TcpinfoConfig, b: TcpinfoConfig): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The section as the YAML of this configuration would have it. */
export function tcpinfoSection(config: TcpinfoConfig): Record<string, unknown> {
  const { archive, exclude } = config;
  return {
    enabled: config.enabled,
    poll_interval: formatDuration(config.pollIntervalMs),
    reps: config.reps,
    max_connections: config.maxConnections,
    marshallers: config.marshallers,
    destroy_notifications: config.destroyNotifications,
    archive: {
      directory: archive.directory,
      uuid_prefix: archive.uuidPrefix,
      uuid_prefix_file: archive.uuidPrefixFile,
      file_age_limit: formatDuration(archive.fileAgeLimitMs),
      flush_interval: formatDuration(archive.flushIntervalMs),
      buffer: formatSize(archive.bufferBytes),
      fsync: archive.fsync,
      missed: archive.missed,
    },
    exclude: { local: exclude.local, srcports: exclude.srcports, dstips: exclude.dstips },
    anonymize_ip: config.anonymizeIp,
    eventsocket: config.eventsocket,
    eventsocket_mode: config.eventsocketMode.toString(8).padStart(4, "0"),
    meter: config.meter,
  };
}
