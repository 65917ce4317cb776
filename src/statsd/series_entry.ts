/** The layout of a series' entry in its table. */

// An entry's four words in `meta`: the word at which its key starts, the lengths of name (low half) and tags (high half),
// its kind (and above KIND_BITS the length of a timestamp's digits behind the tags), and the number of its gauge time,
// digest, sketch, or of the entry that an alias stands for. A key is name, tags and digits, each from a word of its own
// on and zeros behind it, so that keys are compared four bytes at a time.
export const META = 4, KEY = 0, LENGTHS = 1, KIND = 2, CELL = 3;
export const TYPE_MASK = 7, SCOPE_SHIFT = 3, ALIAS = 0x20, TIMESTAMPED = 0x40, MERGED = 0x80, KIND_BITS = 8;
export const IDENTITY = 0x7f & ~ALIAS;
