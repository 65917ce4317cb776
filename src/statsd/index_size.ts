/** How large the index of a table is for how many entries. */

/** An index up to this many entries stays in a processor's cache even at four slots an entry. */
const SPARSE_ENTRIES = 16_384;
const LARGEST_SPARSE = SPARSE_ENTRIES * 4;

/**
 * Slots of an index for that many entries: a power of two, never fewer for more entries. A quarter taken where that is
 * small, so that nearly all lookups meet their entry at once (half taken, each fourth lookup costs a mispredicted branch);
 * else up to three quarters.
 */
export function slotsFor(entries: number): number {
  const slots = entries <= SPARSE_ENTRIES ? entries * 4 : Math.max(LARGEST_SPARSE, entries / 0.75);
  return 2 ** Math.ceil(Math.log2(slots));
}

/** The most entries for which that many slots are right; one more, and `slotsFor()` gives twice as many. */
export function mostEntries(slots: number): number {
  return slots < LARGEST_SPARSE ? slots / 4 : slots * 0.75;
}
