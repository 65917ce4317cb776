import type { Section } from "../../config/mod.ts";
import { batchBytes } from "../../metric/mod.ts";
import type { ClientDeps, Destination, DestinationClient, OutputConfig } from "../contract.ts";
import type { PartLimits } from "../http_parts.ts";
import { type HttpTarget, httpTargetOf, refuseBadHttpHosts } from "../http_target.ts";
import { newPostingClient } from "../posting_client.ts";
import { authorizationHeader } from "./http_headers.ts";
import { newInfluxdbEncoder } from "./influxdb_encode.ts";

/** The keys of `kind: influxdb`. Either `database` is set, or `bucket` with `org` and `token`; the others are "". */
export interface InfluxdbConfig {
  /** Written to by way of `/write`, the endpoint of version 1. */
  readonly database: string;
  /** `any`, `one`, `quorum` or `all` of a cluster of version 1; "" leaves it to the server. */
  readonly consistency: string;
  readonly username: string;
  /** Secret. */
  readonly password: string;
  readonly org: string;
  /** Written to by way of `/api/v2/write`. */
  readonly bucket: string;
  /** Secret. */
  readonly token: string;
}

/** The server's own limit, `max-body-size`, is 25 MB. */
const LIMITS: PartLimits = { bytes: 20_000_000, bodyBytes: 20_000_000, concurrency: 1 };

/** Refusals whose text may say that the rest was written. */
const REFUSALS = [400, 422];

function newInfluxdbClient(
  host: string,
  config: OutputConfig,
  own: InfluxdbConfig,
  deps: ClientDeps,
): DestinationClient {
  const target = httpTargetOf(host);
  return newPostingClient(target, config, deps, {
    path: requestPath(target, own),
    headers: { "Content-Type": "text/plain; charset=utf-8", ...authorizationOf(own) },
    limits: LIMITS,
    action: "influxdb_post",
    success: [200, 202, 204, ...REFUSALS],
    body: (part) => Promise.resolve(batchBytes(part, "", "\n", "\n")),
    read({ status, body }) {
      if (!REFUSALS.includes(status)) return undefined;
      const dropped = droppedLines(new TextDecoder().decode(body));
      return dropped === undefined ? "refused" : { reason: "partial_write", count: dropped };
    },
  });
}

/** The number in `partial write: … dropped=3`; lines that could not be read stand in it one by one. */
function droppedLines(text: string): number | undefined {
  if (!/\bpartial write\b/.test(text)) return undefined;
  const dropped = Number(/\bdropped=(\d+)/.exec(text)?.[1] ?? 0);
  return Math.max(dropped + (text.match(/unable to parse/g)?.length ?? 0), 1);
}

function requestPath({ path, search }: HttpTarget, { bucket, database, org, consistency }: InfluxdbConfig): string {
  const query = new URLSearchParams(bucket === "" ? { db: database } : { org, bucket });
  query.set("precision", "s");
  if (consistency !== "") query.set("consistency", consistency);
  const usual = bucket === "" ? "/write" : "/api/v2/write";
  return `${path || usual}${search === "" ? "?" : `${search}&`}${query}`;
}

function authorizationOf({ bucket, token, username, password }: InfluxdbConfig): Readonly<Record<string, string>> {
  if (bucket !== "") return { Authorization: `Token ${token}` };
  return authorizationHeader({ authorization: null, basicAuth: username === "" ? null : { username, password } });
}

function readInfluxdbConfig(section: Section): InfluxdbConfig {
  refuseBadHttpHosts(section);
  const text = (key: string) => section.string(key) ?? "";
  const own = {
    database: text("database"),
    consistency: text("consistency"),
    username: text("username"),
    password: section.secret("password") ?? "",
    org: text("org"),
    bucket: text("bucket"),
    token: section.secret("token") ?? "",
  };
  if (own.consistency !== "") section.oneOf("consistency", ["any", "one", "quorum", "all"]);
  const needs = (key: string, want: string) => text(key) === "" && section.fail(key, want);
  const excludes = (keys: readonly string[], why: string) => {
    for (const key of keys) if (text(key) !== "") section.fail(key, `nothing: ${why}`);
  };
  if (own.bucket === "") {
    needs("database", "the database to write to, or bucket, org and token for version 2");
    excludes(["org", "token"], "it goes with bucket, and there is none");
    if (own.password !== "") needs("username", "the name that goes with password");
  } else {
    needs("org", "the organization that bucket belongs to");
    needs("token", "the token, or token_file with a file that holds it");
    if (!/^[\x21-\x7e]+$/.test(own.token)) section.fail("token", "a token in one line");
    excludes(["database", "consistency", "username", "password"], "it is of version 1, and bucket of version 2");
  }
  return own;
}

/** InfluxDB: line protocol to a database of version 1, or to a bucket of version 2. */
export const influxdb: Destination<InfluxdbConfig> = {
  kind: "influxdb",
  sends: ["points"],
  defaultHosts: [],
  keys: ["database", "consistency", "username", "password", "org", "bucket", "token"],
  readConfig: readInfluxdbConfig,
  newEncoder: newInfluxdbEncoder,
  newClient: newInfluxdbClient,
};
