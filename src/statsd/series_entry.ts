/**
 * The record of a series in its table, in words: the lengths of name (low half) and tags (high half); its kind, and above
 * `KIND_BITS` the length of a timestamp's digits; the number of its sum, level, digest or sketch, or the record that an
 * alias stands for; then the key: name, tags and digits, each from a word of its own on with zeros behind it.
 *
 * All of a record lies together, so that a lookup in a table too large for the cache waits for memory once.
 */
export const LENGTHS = 0, KIND = 1, CELL = 2, KEY = 3;

/** The parts of a kind. An alias has the bytes as sent, where those are not the canonical ones. */
export const TYPE_MASK = 7, SCOPE_SHIFT = 3, ALIAS = 0x20, TIMESTAMPED = 0x40, MERGED = 0x80, KIND_BITS = 8;

/** What of a kind is part of the key; an alias is found as what it stands for is. */
export const IDENTITY = 0x7f & ~ALIAS;
