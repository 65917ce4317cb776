/** What an agent tells of the consumers that it watches. */
import { Exit } from "./command.ts";

/** The agent can't be asked; the message says why. */
export class LagPageError extends Error {
  override readonly name = "LagPageError";
  readonly code = "cli.lag_page";
  readonly exit = Exit.failed;
}

/** One partition of a group. */
export interface LagPartition {
  readonly topic: string;
  readonly partition: number;
  readonly owner: string;
  readonly client_id: string;
  readonly status: string;
  readonly end: { readonly offset: number } | null;
  readonly current_lag: number;
  readonly complete: number;
  readonly lag_seconds: number | null;
  readonly lost: number;
}

/** A group as it is judged. */
export interface LagGroup {
  readonly cluster: string;
  readonly group: string;
  readonly status: string;
  readonly partitions: readonly LagPartition[];
  readonly partition_count: number;
  readonly totallag: number;
  readonly maxlag: LagPartition | null;
  readonly maxlag_seconds: number | null;
}

/** How an agent is asked. */
export interface LagClient {
  clusters(): Promise<readonly string[]>;
  groups(cluster: string): Promise<readonly string[]>;
  /** NOTFOUND is an answer like any other. */
  status(cluster: string, group: string): Promise<LagGroup>;
}

/** How long an answer may take, in milliseconds. */
const PATIENCE_MS = 15_000;

/** @param url where the agent serves HTTP @param headers such as an authorization */
export function newLagClient(url: string, headers: Readonly<Record<string, string>>): LagClient {
  async function get(path: string): Promise<Record<string, unknown>> {
    let response: Response;
    let body: unknown;
    try {
      response = await fetch(new URL(path, url), { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
      const text = await response.text();
      body = text.startsWith("{") ? JSON.parse(text) : undefined;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new LagPageError(`Cannot ask the agent at ${url}: ${why}; is it running? --url names it`, { cause });
    }
    if (typeof body === "object" && body !== null && "error" in body && body.error === false) return { ...body };
    const what = response.status === 401 ? "it wants a token or a password" : "it does not watch consumers";
    throw new LagPageError(`Cannot ask the agent at ${url} for ${path}: it answers ${response.status}; ${what}`);
  }
  const name = encodeURIComponent;
  return {
    clusters: async () => (await get("/v3/kafka")).clusters as string[],
    groups: async (cluster) => (await get(`/v3/kafka/${name(cluster)}/consumer`)).consumers as string[],
    status: async (cluster, group) =>
      (await get(`/v3/kafka/${name(cluster)}/consumer/${name(group)}/lag`)).status as LagGroup,
  };
}
