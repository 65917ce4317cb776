/** The keys of Burrow's files, and what they are called here. */

/** What a value has to be. `seconds` is a whole number of them, which becomes a duration. */
export type BurrowType = "text" | "flag" | "whole" | "number" | "seconds" | "list" | "map";

/** A key of a section. */
export interface BurrowKey {
  readonly key: string;
  readonly type: BurrowType;
  /** Its name here; "" where nothing becomes of it, or something else than a key. */
  readonly name: string;
}

/** Keys as `BURROW:HERE:TYPE`, where HERE is the same with underscores unless told otherwise. */
function keys(text: string): readonly BurrowKey[] {
  return text.trim().split(/\s+/).map((one) => {
    const [key = "", type = "text", name] = one.split(":");
    return { key, type: type as BurrowType, name: name ?? key.replaceAll("-", "_") };
  });
}

/** Sections that are there once. */
export const SINGLE_SECTIONS: Readonly<Record<string, readonly BurrowKey[]>> = {
  general: keys("pidfile stdout-logfile access-control-allow-origin env-var-prefix"),
  logging: keys(
    "filename level maxsize:whole maxbackups:whole maxage:whole use-localtime:flag use-compression:flag",
  ),
  zookeeper: keys("servers:list timeout:whole root-path tls"),
};

const FILTER = "group-allowlist group-denylist group-whitelist group-blacklist";

/** Sections that are there once for each name. */
export const NAMED_SECTIONS: Readonly<Record<string, readonly BurrowKey[]>> = {
  "client-profile": keys(
    "client-id kafka-version tls sasl iam dial-timeout:seconds:connect_timeout read-timeout:seconds:request_timeout",
  ),
  tls: keys("certfile:text:cert_file keyfile:text:key_file cafile:text:ca_file noverify:flag:skip_verify"),
  sasl: keys("mechanism username password oauth-token-url oauth-scopes:list handshake-first:flag:"),
  iam: keys("region role-arn profile"),
  httpserver: keys("address timeout:seconds tls:text: username password"),
  storage: keys(
    `class-name intervals:whole expire-group:seconds workers:whole queue-depth:whole min-distance:seconds ${FILTER} ` +
      "time-lag-points:whole max-groups:whole path save-interval:seconds restore-limit:seconds",
  ),
  evaluator: keys(
    "class-name expire-cache:seconds minimum-complete:number minimum-commits:whole allowed-lag:whole " +
      "stop-after:seconds time-lag time-lag-fetches:whole",
  ),
  cluster: keys(
    "class-name servers:list:brokers client-profile offset-refresh:seconds topic-refresh:seconds " +
      "groups-reaper-refresh:seconds",
  ),
  consumer: keys(
    `class-name cluster servers:list:brokers client-profile offsets-topic start-latest:flag backfill-earliest:flag ` +
      `self-report:flag ${FILTER} zookeeper-path:text: zookeeper-timeout:whole:`,
  ),
  notifier: keys(
    `class-name interval:seconds send-interval:seconds threshold:whole ${FILTER} extras:map headers:map ` +
      "template-open template-close send-close:flag send-once:flag url-open url-close method-open method-close " +
      "timeout:seconds keepalive:seconds disable-http-keepalive:flag extra-ca noverify:flag username password " +
      "server port:whole from to auth-type",
  ),
};
