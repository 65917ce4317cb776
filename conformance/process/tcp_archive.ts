/** What an archive says of connections: its files read as anyone would, with decode's objects. */
import { walkFiles } from "./walk_files.ts";
import { decodeArchive } from "../../src/tcpinfo/mod.ts";

/** A connection, all its files taken together. */
export interface ArchivedConnection {
  readonly uuid: string;
  readonly remote: string;
  readonly remotePort: number;
  /** Records that it has. */
  records: number;
  files: number;
  /** The most that any record tells: payload without what was sent again. */
  sent: number;
  /** The most that any record tells; a FIN counts as one. */
  received: number;
  /** The last record's time, RFC 3339. */
  last: string;
}

/** The archive below a directory. */
export interface ReadArchive {
  /** By `ADDRESS PORT` of the remote end. */
  readonly byRemote: ReadonlyMap<string, ArchivedConnection>;
  readonly files: readonly string[];
  /** Files that are unfinished. */
  readonly partial: readonly string[];
  /** What was wrong with files that are complete. */
  readonly errors: readonly string[];
}

/** Reads all of it; unfinished files too, as far as they go. */
export async function readArchive(directory: string): Promise<ReadArchive> {
  const byRemote = new Map<string, ArchivedConnection>();
  const files = (await walkFiles(directory)).filter((path) => /\.zst(\.partial)?$/.test(path));
  const errors: string[] = [];
  for (const path of files) {
    const uuids = new Set<string>();
    let uuid = "";
    for (const object of decodeArchive(await Deno.readFile(path))) {
      if (object.kind === "metadata") uuid = String(object.uuid);
      else if (object.kind === "error") {
        if (!path.endsWith(".partial")) errors.push(`${path}: ${object.message}`);
      } else {
        const key = `${object.destination} ${object.destination_port}`;
        let one = byRemote.get(key);
        if (one === undefined) {
          one = {
            uuid,
            remote: String(object.destination),
            remotePort: Number(object.destination_port),
            records: 0,
            files: 0,
            sent: 0,
            received: 0,
            last: "",
          };
          byRemote.set(key, one);
        }
        if (!uuids.has(key)) one.files++;
        uuids.add(key);
        one.records++;
        one.last = String(object.timestamp);
        const info = (object.attributes as Readonly<Record<string, unknown>>)["INET_DIAG_INFO"];
        if (info === undefined) continue;
        const { bytes_sent, bytes_retrans, bytes_received } = info as Readonly<Record<string, bigint>>;
        one.sent = Math.max(one.sent, Number(bytes_sent! - bytes_retrans!));
        one.received = Math.max(one.received, Number(bytes_received));
      }
    }
  }
  return { byRemote, files, partial: files.filter((path) => path.endsWith(".partial")), errors };
}
