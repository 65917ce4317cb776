/** The books that an agent keeps of what it took in, as `/metrics` shows them. */
import { sleep } from "./campaign.ts";

/** Counts since the agent started. */
export interface Books {
  readonly received: number;
  readonly drops: number;
  readonly lines: number;
  readonly accepted: number;
  readonly rejected: number;
  /** The rejected ones by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly empty: number;
  readonly samples: number;
  readonly aggregated: number;
  readonly refused: number;
}

/** Whatever shows its metrics. */
export interface Measured {
  metrics(): Promise<Record<string, number>>;
}

const REJECTED = /^limier_statsd_lines_rejected_total\{reason="([^"]+)"\}$/;

/** Reads the counts out of a page's numbers. */
export function booksOf(metrics: Readonly<Record<string, number>>): Books {
  const count = (name: string) => metrics[`limier_statsd_${name}_total`] ?? NaN;
  const reasons: Record<string, number> = {};
  for (const [name, value] of Object.entries(metrics)) {
    const reason = REJECTED.exec(name)?.[1];
    if (reason !== undefined) reasons[reason] = value;
  }
  return {
    received: count("datagrams_received"),
    drops: count("datagrams_dropped"),
    lines: count("lines_seen"),
    accepted: count("lines_accepted"),
    rejected: Object.values(reasons).reduce((sum, value) => sum + value, 0),
    reasons,
    empty: count("lines_empty"),
    samples: count("samples_accepted"),
    aggregated: count("samples_aggregated"),
    refused: count("samples_refused"),
  };
}

const LOOK_MS = 100;
/** Without a change for so long, nothing more will come. */
const STILL_MS = 3_000;

/** The books once `sent` datagrams are received or dropped, or once nothing changes any more. */
export async function settledBooks(agent: Measured, sent: number): Promise<Books> {
  let books = booksOf(await agent.metrics());
  for (let stillMs = 0; books.received + books.drops !== sent && stillMs < STILL_MS; stillMs += LOOK_MS) {
    await sleep(LOOK_MS);
    const now = booksOf(await agent.metrics());
    if (now.received !== books.received || now.drops !== books.drops) stillMs = 0;
    books = now;
  }
  return books;
}
