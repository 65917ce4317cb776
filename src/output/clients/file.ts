import type { Section } from "../../config/mod.ts";
import { type Batch, batchBytes } from "../../metric/mod.ts";
import { gzipBytes } from "../compress.ts";
import { DeliveryError, type Destination, type DestinationClient, type Encoder } from "../contract.ts";
import { lineEncoder } from "../lines.ts";
import { newTsvRow } from "../tsv.ts";
import { type FileRotation, rotateWhenFull } from "./file_rotation.ts";

/** The keys of `kind: file`. */
export interface FileConfig {
  /** Appended to; made with mode 0666 less the umask. */
  readonly path: string;
  /** A JSON object a line, or a row of tab-separated values (points only). */
  readonly format: "json" | "tsv";
  /** `gzip`: each batch is one complete member, so that the whole file reads as one. */
  readonly compress: "none" | "gzip";
  /** Between the columns of `tsv`; one character. */
  readonly delimiter: string;
  readonly tsvColumns: "v1" | "v7";
  /** The flushing server as `tsv` names it. */
  readonly hostname: string;
  /** `null`: the file grows, or something else rotates it. */
  readonly rotate: FileRotation | null;
}

const DEFAULT_KEEP = 5;

/** Appends batches to a file that is opened for each of them, so that it can be rotated at any time. */
class FileClient implements DestinationClient {
  readonly isConnected = true;

  constructor(readonly output: string, readonly own: FileConfig) {}

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async publish(batch: Batch): Promise<{ remaining: Batch | null; error?: DeliveryError }> {
    if (batch.ends.length === 0) return { remaining: null };
    try {
      const { path, compress, rotate } = this.own;
      const plain = batchBytes(batch, "", "\n", "\n");
      const bytes = compress === "gzip" ? await gzipBytes(plain) : plain;
      if (rotate !== null) await rotateWhenFull(path, bytes.length, rotate);
      await append(path, bytes);
      return { remaining: null };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `Cannot write to ${this.own.path} for output ${this.output}: ${why}`;
      return { remaining: batch, error: new DeliveryError("retry", message, { cause, label: "io" }) };
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Appends all of `bytes`, or nothing: what was written before an error is cut off again. */
async function append(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { append: true, create: true, mode: 0o666 });
  const { size, isFile } = await file.stat();
  try {
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  } catch (error) {
    if (isFile) await file.truncate(size);
    throw error;
  }
}

function encoderOf(own: FileConfig): Encoder {
  if (own.format === "json") return lineEncoder;
  const row = newTsvRow({ columns: own.tsvColumns, delimiter: own.delimiter, hostname: own.hostname });
  return {
    point(point, out) {
      out.appendText(row(point));
      return true;
    },
  };
}

function readRotation(section: Section): FileRotation {
  section.refuseOthers(["max_bytes", "keep"]);
  const maxBytes = section.size("max_bytes", { atLeast: "1B" });
  if (maxBytes === undefined) section.fail("max_bytes", "the size at which a new file begins, such as 100MiB");
  return { max_bytes: maxBytes, keep: section.integer("keep", { atLeast: 1, atMost: 1_000 }) ?? DEFAULT_KEEP };
}

/** A local file: JSON lines, or the rows of an object in Veneur's archive. */
export const file: Destination<FileConfig> = {
  kind: "file",
  sends: ["points"],
  defaultHosts: null,
  keys: ["path", "format", "compress", "delimiter", "tsv_columns", "hostname", "rotate"],
  readConfig(section: Section): FileConfig {
    const path = section.string("path");
    if (path === undefined || path === "") section.fail("path", "the path of the file to append to");
    const format = section.oneOf("format", ["json", "tsv"]) ?? "json";
    if (format === "tsv" && section.strings("sends")?.some((kind) => kind !== "points")) {
      section.fail("sends", "[points]: only format json has a form for the others");
    }
    const delimiter = section.string("delimiter") ?? "\t";
    if (delimiter.length !== 1 || '"\r\n'.includes(delimiter)) {
      section.fail("delimiter", "one character, neither a quote nor a line end");
    }
    return {
      path,
      format,
      compress: section.oneOf("compress", ["none", "gzip"]) ?? "none",
      delimiter,
      tsvColumns: section.oneOf("tsv_columns", ["v1", "v7"]) ?? "v1",
      hostname: section.string("hostname") ?? Deno.hostname(),
      rotate: section.has("rotate") ? readRotation(section.section("rotate")) : null,
    };
  },
  newEncoder: encoderOf,
  newClient: (_host, config, own) => new FileClient(config.name, own),
};
