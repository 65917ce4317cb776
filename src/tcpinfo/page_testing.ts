/** Ways to look at a page of metrics in tests. */
export function newPageReader(page: (stats: Float64Array) => string): {
  /** Whether the page has that line. */
  line(stats: Float64Array, text: string): boolean;
  /** The `le` of a histogram's buckets, in their order; labels may stand behind its name. */
  bounds(stats: Float64Array, histogram: string): string[];
} {
  return {
    line: (stats, text) => page(stats).split("\n").includes(text),
    bounds(stats, histogram) {
      const [name = "", labels = ""] = histogram.split("{");
      const within = labels === "" ? "" : `${labels.slice(0, -1)},`;
      const begin = `${name}_bucket{${within}le="`;
      return page(stats).split("\n").filter((line) => line.startsWith(begin)).map((line) => {
        return line.slice(begin.length, line.indexOf('"', begin.length));
      });
    },
  };
}
