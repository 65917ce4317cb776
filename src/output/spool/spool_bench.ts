/**
 * What the spool costs over the disk: the same bytes appended and drained, and written to and read from a plain file in
 * pieces of the same size, up to 64 KiB. Both in the page cache (`fsync: "never"`). Ratios are what
 * `scripts/bench/output.ts` prints.
 */
import { crc32c } from "../../bytes/mod.ts";
import { plain, spooled } from "./spool_times.ts";

const bytes = crypto.getRandomValues(new Uint8Array(65_536));
Deno.bench("crc32c() of 64 KiB", () => void crc32c(bytes));

for (const events of [100, 1_000, 10_000]) {
  const group = `128 MiB in batches of ${events} events`;
  Deno.bench(`${group}: a plain file`, { group, baseline: true, n: 3 }, async () => void await plain(events));
  Deno.bench(`${group}: the spool`, { group, n: 3 }, async () => void await spooled(events));
}
