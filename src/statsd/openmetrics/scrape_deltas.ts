/** Scraped samples as statsd lines: running totals become what was added since the last scrape. */
import { percentileSuffix } from "../flush.ts";
import type { ExpositionSample } from "./exposition_wire.ts";

/** Which families of a page are wanted, and what is put on all of them. */
export interface ScrapeRules {
  /** Families to take; absent: all. */
  readonly allow?: RegExp;
  /** Families to leave out, also of those. */
  readonly deny?: RegExp;
  /** Put on every line. */
  readonly tags: readonly string[];
}

/** What became of one page. */
export interface ScrapedLines {
  /** Lines of DogStatsD, without line ends. */
  readonly lines: readonly string[];
  /** Samples left out because a rule says so. */
  readonly filtered: number;
  /** Samples whose value is no finite number. */
  readonly notFinite: number;
}

/**
 * Turns the pages of one target, one after the other, into lines. Counters, and counts and buckets of histograms and
 * summaries, are running totals: the first page only says where they stand. Later, a total that has grown counts by the
 * difference, one that is smaller than before began anew and counts in full, and so does one that was not there.
 * Everything else, sums too, is a gauge. A page that could not be had is no page: the next is compared with the last.
 */
export class ScrapeDeltas {
  readonly #rules: ScrapeRules;
  readonly #tagTail: string;
  /** The totals of the last page, by series. */
  #totals: Map<string, number> | undefined;
  /** The family last asked about, and whether it is wanted: a family's samples stand together. */
  #family = "";
  #wanted = false;

  constructor(rules: ScrapeRules) {
    this.#rules = rules;
    this.#tagTail = rules.tags.map(tagText).join(",");
  }

  /** The lines of the next page. */
  next(samples: readonly ExpositionSample[]): ScrapedLines {
    const before = this.#totals;
    const totals = new Map<string, number>();
    const lines: string[] = [];
    let filtered = 0, notFinite = 0;
    for (const sample of samples) {
      if (sample.part === "created") continue; // when a series began; a smaller total says that it began anew
      if (!this.#wants(sample.family)) {
        filtered++;
        continue;
      }
      if (!Number.isFinite(sample.value)) {
        notFinite++;
        continue;
      }
      const name = nameOf(sample), tags = this.#tags(sample);
      if (!isTotal(sample)) {
        lines.push(`${name}:${sample.value}|g${tags}`);
        continue;
      }
      const series = `${name}|${tags}`;
      totals.set(series, sample.value);
      if (before === undefined) continue;
      const last = before.get(series);
      const grown = last === undefined || sample.value < last ? sample.value : sample.value - last;
      if (grown !== 0) lines.push(`${name}:${grown}|c${tags}`);
    }
    this.#totals = totals;
    return { lines, filtered, notFinite };
  }

  #wants(family: string): boolean {
    if (family !== this.#family) {
      const { allow, deny } = this.#rules;
      this.#family = family;
      this.#wanted = (allow === undefined || allow.test(family)) && !deny?.test(family);
    }
    return this.#wanted;
  }

  #tags({ labels }: ExpositionSample): string {
    let text = "";
    for (const [label, value] of labels) text += (text === "" ? "" : ",") + tagText(`${label}:${value}`);
    if (this.#tagTail !== "") text += (text === "" ? "" : ",") + this.#tagTail;
    return text === "" ? "" : `|#${text}`;
  }
}

function isTotal({ type, part }: ExpositionSample): boolean {
  switch (type) {
    case "counter":
      return true;
    case "histogram":
    case "summary":
      return part === "count" || part === "bucket";
    default:
      return false;
  }
}

function nameOf({ family, part, bound }: ExpositionSample): string {
  const name = family.replace(NOT_IN_NAMES, "_");
  switch (part) {
    case "bucket":
      return `${name}.le${fixed6(bound!)}`;
    case "quantile":
      return `${name}.${percentileSuffix(bound!)}`;
    case "sum":
    case "count":
      return `${name}.${part}`;
    default:
      return name;
  }
}

/** What a name can't have in a line of DogStatsD: colons, bars, control characters. */
// deno-lint-ignore no-control-regex
const NOT_IN_NAMES = /[:|\u0000-\u001f]/g;
/** What a tag can't have: commas, bars, control characters. */
// deno-lint-ignore no-control-regex
const NOT_IN_TAGS = /[,|\u0000-\u001f]/g;

function tagText(tag: string): string {
  return tag.replace(NOT_IN_TAGS, "_");
}

/** A bound with six decimals, `0.500000`, as `%f` writes it; infinity is `+Inf`. */
function fixed6(bound: number): string {
  if (!Number.isFinite(bound)) return bound > 0 ? "+Inf" : bound < 0 ? "-Inf" : "NaN";
  if (Math.abs(bound) < 1e21) return bound.toFixed(6);
  return `${BigInt(bound)}.000000`; // from there on toFixed() writes an exponent; such a number is whole
}
