import type { S3Client } from "@aws-sdk/client-s3";
import type { Section } from "../../config/mod.ts";
import { type Batch, type BatchBuilder, batchBytes, type Point } from "../../metric/mod.ts";
import { gzipBytes } from "../compress.ts";
import {
  type ClientDeps,
  DeliveryError,
  type Destination,
  type DestinationClient,
  type Encoder,
  type OutputConfig,
  type PublishResult,
} from "../contract.ts";
import { httpTargetOf, parseHttpTarget, refuseBadHttpHosts } from "../http_target.ts";
import { marshal } from "../marshal.ts";
import { newTsvRow } from "../tsv.ts";
import { S3Requests } from "./s3_requests.ts";

/** The keys of `kind: s3`. */
export interface S3Config {
  readonly bucket: string;
  readonly region: string;
  /** Secret, and "" with `secretAccessKey`: the credentials are found as AWS's own tools find them. */
  readonly accessKeyId: string;
  /** Secret. */
  readonly secretAccessKey: string;
  readonly tsvColumns: "v1" | "v7";
  /** The flushing server: a part of each key, and a column. */
  readonly hostname: string;
}

/** Stands for whichever of AWS's endpoints is the bucket's. */
const AWS = "https://s3.amazonaws.com";

const DEFAULTS = { region: "us-east-1" };

/**
 * Puts each batch as one object. The SDK makes and signs the requests; our own connection sends them, with the output's
 * TLS, proxy and clock. The SDK is loaded by the first connect, so that only who needs it pays for it.
 */
class S3Destination implements DestinationClient {
  readonly #own: S3Config;
  readonly #endpoint: string | undefined;
  readonly #deps: ClientDeps;
  readonly #requests: S3Requests;
  #put: ((key: string, body: Uint8Array, signal: AbortSignal) => Promise<unknown>) | undefined;

  constructor(host: string, config: OutputConfig, own: S3Config, deps: ClientDeps) {
    const target = httpTargetOf(host);
    this.#own = own;
    this.#endpoint = target.origin === AWS ? undefined : target.origin + target.path;
    this.#deps = deps;
    this.#requests = new S3Requests(config, deps);
  }

  get isConnected(): boolean {
    return this.#put !== undefined && this.#requests.isConnected;
  }

  async connect(): Promise<void> {
    this.#requests.reopen();
    if (this.#put !== undefined) return;
    const { S3Client, PutObjectCommand } = await import("@aws-sdk/client-s3");
    const { bucket: Bucket, region, accessKeyId, secretAccessKey } = this.#own;
    const client: S3Client = new S3Client({
      region,
      ...(this.#endpoint === undefined ? {} : { endpoint: this.#endpoint, forcePathStyle: true }),
      ...(accessKeyId === "" ? {} : { credentials: { accessKeyId, secretAccessKey } }),
      maxAttempts: 1, // what to try again is the delivery mode's business
      // Servers other than AWS do not all know the newer checksums; the signature covers the body already.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: this.#requests,
    });
    this.#put = (Key, Body, abortSignal) => {
      client.config.systemClockOffset = this.#deps.clock.now() - Date.now();
      const command = new PutObjectCommand({ Bucket, Key, Body, ContentType: "application/gzip" });
      return client.send(command, { abortSignal });
    };
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    if (batch.ends.length === 0) return { remaining: null };
    const body = await marshal(this.#deps, "flush", () => gzipBytes(batchBytes(batch, "", "\n", "\n")));
    try {
      if (this.#put === undefined) throw new DeliveryError("connection", "Cannot deliver to S3: it is not connected");
      await this.#put(objectKey(batch, this.#own.hostname), body, signal);
      return { remaining: null };
    } catch (error) {
      return { remaining: batch, error: asDeliveryError(error, signal) };
    }
  }

  close(): Promise<void> {
    this.#requests.close();
    return Promise.resolve();
  }
}

/** Errors that are not of our own connection come from the SDK before it sends anything. */
function asDeliveryError(error: unknown, signal: AbortSignal): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const fail = (kind: DeliveryError["failure"], why: string) =>
    new DeliveryError(kind, `Cannot deliver to S3: ${why}`, { label: "sdk" });
  if (signal.aborted) return fail("connection", "there was no time left to begin");
  const name = error instanceof Error ? error.name : typeof error;
  if (name === "CredentialsProviderError") {
    return fail("configuration", "no credentials were found; set access_key_id and secret_access_key");
  }
  return fail("configuration", `the request could not be made (${name})`);
}

/** `YYYY/MM/DD/HOSTNAME/UNIXSECONDS.tsv.gz`, the date in UTC. */
export function objectKey({ timestamp, part }: Pick<Batch, "timestamp" | "part">, hostname: string): string {
  const date = new Date(timestamp * 1000).toISOString().slice(0, 10).replaceAll("-", "/");
  // The later parts of a flush that was cut must not overwrite the first.
  return `${date}/${hostname}/${timestamp}${part === undefined ? "" : `-${part}`}.tsv.gz`;
}

function newS3Encoder(own: S3Config): Encoder {
  const row = newTsvRow({ columns: own.tsvColumns, delimiter: "\t", hostname: own.hostname });
  return {
    point(point: Point, out: BatchBuilder): boolean {
      out.appendText(row(point));
      return true;
    },
  };
}

function readS3Config(section: Section): S3Config {
  refuseBadHttpHosts(section);
  const withName = section.strings("hosts")?.some((host) => parseHttpTarget(host)?.authorization !== undefined);
  if (withName) section.fail("hosts", "URLs without name and password: access_key_id and secret_access_key sign");
  if (section.integer("bulk_max_size")) section.fail("bulk_max_size", "0: an object holds a whole flush");
  const bucket = section.string("bucket") ?? "";
  if (!/^[A-Za-z0-9][\w.:-]*$/.test(bucket)) section.fail("bucket", "the bucket's name");
  const accessKeyId = section.secret("access_key_id") ?? "";
  const secretAccessKey = section.secret("secret_access_key") ?? "";
  if (accessKeyId === "" && secretAccessKey !== "") section.fail("access_key_id", "what goes with secret_access_key");
  if (accessKeyId !== "" && secretAccessKey === "") section.fail("secret_access_key", "what goes with access_key_id");
  const hostname = section.string("hostname") ?? Deno.hostname();
  if (/^\.*$|\//.test(hostname)) section.fail("hostname", "a name without slashes");
  return {
    bucket,
    region: section.string("region") || DEFAULTS.region,
    accessKeyId,
    secretAccessKey,
    tsvColumns: section.oneOf("tsv_columns", ["v1", "v7"]) ?? "v1",
    hostname,
  };
}

/** A bucket of AWS or of a server that speaks its protocol: an object of rows, tab-separated and zipped, for each flush. */
export const s3: Destination<S3Config> = {
  kind: "s3",
  sends: ["points"],
  defaultHosts: [AWS],
  bulkMaxSize: 0,
  keys: ["bucket", "region", "access_key_id", "secret_access_key", "tsv_columns", "hostname"],
  readConfig: readS3Config,
  newEncoder: newS3Encoder,
  newClient: (host, config, own, deps) => new S3Destination(host, config, own, deps),
};
