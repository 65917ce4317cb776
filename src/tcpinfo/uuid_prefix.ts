/** What connections' names begin with: host and boot time, so that a cookie is unique together with it. */
import { errorText } from "../telemetry/mod.ts";
import { type ArchiveConfig, isUsablePrefix } from "./config.ts";

/** The prefix cannot be had from the file that is to hold it. */
export class UuidPrefixError extends Error {
  override readonly name = "UuidPrefixError";
  readonly code = "tcpinfo.uuid_prefix";

  constructor(path: string, why: string, options?: ErrorOptions) {
    super(`Cannot use tcpinfo.archive.uuid_prefix_file ${path}: ${why}`, options);
  }
}

/** The prefix that is configured, that of the file, or this host's. @throws {UuidPrefixError} */
export function uuidPrefix(
  { uuidPrefix, uuidPrefixFile }: Pick<ArchiveConfig, "uuidPrefix" | "uuidPrefixFile">,
): string {
  if (uuidPrefix !== "") return uuidPrefix;
  if (uuidPrefixFile === "") return defaultUuidPrefix();
  let text: string;
  try {
    text = Deno.readTextFileSync(uuidPrefixFile).trimEnd();
  } catch (error) {
    throw new UuidPrefixError(uuidPrefixFile, errorText(error), { cause: error });
  }
  if (!isUsablePrefix(text)) throw new UuidPrefixError(uuidPrefixFile, "leave / and NUL out of its text");
  return text;
}

/** What the default prefix is made of. */
export interface PrefixSource {
  readonly podName: string | undefined;
  readonly hostname: () => string;
  /** The text of `/proc/uptime`. */
  readonly uptime: () => string;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** `HOST_BOOTTIME_unsafe`: another process may come to another second. */
export function defaultUuidPrefix(source: PrefixSource = thisHost()): string {
  let host = source.podName ?? "";
  try {
    if (host === "") host = source.hostname();
  } catch {
    return "BADHOSTNAME"; // the name has to be one all the same, and this one says what is wrong
  }
  if (host === "" || !isUsablePrefix(host)) return "BADHOSTNAME";
  let uptimeS = NaN;
  try {
    const [first = ""] = source.uptime().trim().split(/\s+/);
    if (first !== "") uptimeS = Number(first);
  } catch {
    // Not Linux, or not permitted: said by the name.
  }
  if (!Number.isFinite(uptimeS)) return `${host}_BADBOOTTIME`;
  return `${host}_${Math.floor(source.nowMs / 1000 - uptimeS)}_unsafe`;
}

function thisHost(): PrefixSource {
  return {
    podName: Deno.env.get("POD_NAME"),
    hostname: () => Deno.hostname(),
    uptime: () => Deno.readTextFileSync("/proc/uptime"),
    nowMs: Date.now(),
  };
}
