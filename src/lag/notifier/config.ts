import type { Section } from "../../config/mod.ts";
import { readGroupFilter } from "../config.ts";
import type { GroupFilter } from "../storage/group_filter.ts";
import { compileTemplate } from "./template.ts";
import { TemplateError } from "./template_parse.ts";

/** The classes of notifiers. */
export const NOTIFIER_CLASSES = ["http", "email", "null"] as const;
/** How e-mail servers are told who we are. */
export const AUTH_TYPES = ["", "plain", "crammd5"] as const;

/** A template's file, as it was read. */
export interface TemplateFile {
  readonly path: string;
  readonly text: string;
}

/** What a notifier has whatever its class. */
interface CommonConfig {
  /** A group is looked at so often at most. */
  readonly intervalMs: number;
  /** The least time between two messages about a group. */
  readonly sendIntervalMs: number;
  /** The least status that is told of: 1 OK, 2 WARN, 3 ERR. */
  readonly threshold: number;
  readonly filter: GroupFilter;
  readonly templateOpen: TemplateFile;
  /** Absent unless `sendClose`. */
  readonly templateClose?: TemplateFile;
  /** Tells when a group is well again. */
  readonly sendClose: boolean;
  /** Tells of an incident once. */
  readonly sendOnce: boolean;
  /** What templates find as `.Extras`. */
  readonly extras: Readonly<Record<string, string>>;
}

/** Posts to a URL. */
export interface HttpNotifierConfig extends CommonConfig {
  readonly className: "http";
  /** Templates, as everything else in them. */
  readonly urlOpen: string;
  readonly urlClose: string;
  readonly methodOpen: string;
  readonly methodClose: string;
  readonly timeoutMs: number;
  /** How long an idle connection is kept; 0 keeps none. */
  readonly keepaliveMs: number;
  readonly disableHttpKeepalive: boolean;
  /** A PEM file of authorities beside the system's; "" for none. */
  readonly extraCa: string;
  /** Takes any certificate. */
  readonly noverify: boolean;
  readonly username: string;
  readonly password: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Sends mail. */
export interface EmailNotifierConfig extends CommonConfig {
  readonly className: "email";
  readonly server: string;
  readonly port: number;
  readonly from: string;
  /** One or more, with commas between. */
  readonly to: string;
  readonly authType: (typeof AUTH_TYPES)[number];
  readonly username: string;
  readonly password: string;
  readonly extraCa: string;
  readonly noverify: boolean;
}

/** Does nothing. */
export interface NullNotifierConfig extends CommonConfig {
  readonly className: "null";
}

export type NotifierConfig = HttpNotifierConfig | EmailNotifierConfig | NullNotifierConfig;

const COMMON_KEYS = [
  "class_name",
  "interval",
  "send_interval",
  "threshold",
  "group_allowlist",
  "group_denylist",
  "group_whitelist",
  "group_blacklist",
  "template_open",
  "template_close",
  "send_close",
  "send_once",
  "extras",
];
const HTTP_KEYS = [
  "url_open",
  "url_close",
  "method_open",
  "method_close",
  "timeout",
  "keepalive",
  "disable_http_keepalive",
  "extra_ca",
  "noverify",
  "username",
  "password",
  "headers",
];
const EMAIL_KEYS = ["server", "port", "from", "to", "auth_type", "username", "password", "extra_ca", "noverify"];

/** The one place where these defaults are written. */
const DEFAULTS = { intervalMs: 60_000, threshold: 2, timeoutMs: 5_000, keepaliveMs: 300_000 };

/** Reads one notifier, its templates too. @throws {ConfigError} */
export function readNotifierConfig(section: Section): NotifierConfig {
  const written = section.string("class_name") ?? "";
  const className = NOTIFIER_CLASSES.find((one) => one === written);
  if (className === undefined) {
    section.fail("class_name", `http, email or null: Unknown notifier className provided: ${written}`);
  }
  const own = className === "http" ? HTTP_KEYS : className === "email" ? EMAIL_KEYS : [];
  section.refuseOthers([...COMMON_KEYS, ...own]);
  const common = readCommon(section, className === "null");
  if (className === "http") return readHttp(section, common);
  return className === "email" ? readEmail(section, common) : { className, ...common };
}

function readCommon(section: Section, needsNoTemplate: boolean): CommonConfig {
  const intervalMs = section.duration("interval", { atLeast: "100ms" }) ?? DEFAULTS.intervalMs;
  const sendClose = section.boolean("send_close") ?? false;
  const nothing = { path: "", text: "" };
  const templateOpen = readTemplate(section, "template_open") ?? (needsNoTemplate ? nothing : undefined);
  const templateClose = readTemplate(section, "template_close") ?? (needsNoTemplate ? nothing : undefined);
  if (templateOpen === undefined) section.fail("template_open", "the path of a template's file");
  if (sendClose && templateClose === undefined) {
    section.fail("template_close", "the path of a template's file, as send_close is set");
  }
  return {
    intervalMs,
    sendIntervalMs: section.duration("send_interval") ?? intervalMs,
    threshold: section.integer("threshold", { atLeast: 1, atMost: 3 }) ?? DEFAULTS.threshold,
    filter: readGroupFilter(section),
    templateOpen,
    ...(sendClose && templateClose !== undefined ? { templateClose } : {}),
    sendClose,
    sendOnce: section.boolean("send_once") ?? false,
    extras: section.map("extras") ?? {},
  };
}

function readTemplate(section: Section, key: string): TemplateFile | undefined {
  const path = section.string(key);
  if (path === undefined || path === "") return undefined;
  try {
    const text = Deno.readTextFileSync(path);
    compileTemplate(path, text);
    return { path, text };
  } catch (error) {
    if (error instanceof TemplateError) section.fail(key, `the path of a template: ${error.message}`);
    const why = error instanceof Error ? error.message.replace(/: readfile '.*'$/, "") : String(error);
    section.fail(key, `the path of a template that can be read (${why})`);
  }
}

function readHttp(section: Section, common: CommonConfig): HttpNotifierConfig {
  const urlOpen = readUrl(section, "url_open") ?? section.fail("url_open", "the URL to post to");
  const urlClose = readUrl(section, "url_close") ??
    (common.sendClose ? section.fail("url_close", "the URL to post to, as send_close is set") : "");
  return {
    className: "http",
    ...common,
    urlOpen,
    urlClose,
    methodOpen: section.string("method_open") ?? "POST",
    methodClose: section.string("method_close") ?? "POST",
    timeoutMs: section.duration("timeout", { atLeast: "1ms" }) ?? DEFAULTS.timeoutMs,
    keepaliveMs: section.duration("keepalive") ?? DEFAULTS.keepaliveMs,
    disableHttpKeepalive: section.boolean("disable_http_keepalive") ?? false,
    ...readTrust(section),
    headers: section.map("headers") ?? {},
  };
}

function readEmail(section: Section, common: CommonConfig): EmailNotifierConfig {
  const need = (key: string) => section.string(key) || section.fail(key, `it, as mail needs ${key}`);
  const written = (section.string("auth_type") ?? "").toLowerCase();
  const authType = AUTH_TYPES.find((one) => one === written);
  if (authType === undefined) section.fail("auth_type", "plain, crammd5 or nothing");
  return {
    className: "email",
    ...common,
    server: need("server"),
    port: section.integer("port", { atLeast: 1, atMost: 65_535 }) ??
      section.fail("port", "the port of the mail server"),
    from: need("from"),
    to: need("to"),
    authType,
    ...readTrust(section),
  };
}

function readUrl(section: Section, key: string): string | undefined {
  const text = section.string(key);
  if (text === undefined || text === "") return undefined;
  try {
    compileTemplate(key, text, false);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    section.fail(key, `a URL, in which actions may stand: ${error.message}`);
  }
  return text;
}

function readTrust(section: Section): Pick<HttpNotifierConfig, "extraCa" | "noverify" | "username" | "password"> {
  const extraCa = section.string("extra_ca") ?? "";
  if (extraCa !== "" && !isReadable(extraCa)) section.refuse("extra_ca", "the path of a PEM file that can be read");
  return {
    extraCa,
    noverify: section.boolean("noverify") ?? false,
    username: section.string("username") ?? "",
    password: section.string("password") ?? "",
  };
}

function isReadable(path: string): boolean {
  try {
    return Deno.readTextFileSync(path) !== "";
  } catch {
    return false; // that is what was asked
  }
}
