import { type Agent, recordingReporter, startAgent } from "../../mod.ts";

/** An agent that scrapes one page. */
export interface ScrapingAgent extends AsyncDisposable {
  /** Resolves when the page was read `times` times in all. */
  scraped(times: number): Promise<void>;
  /** Flushes until the counters of a name, with a tag, have come to `total`, all flushes together; what they came to. */
  untilTotal(name: string, tag: string, total: number): Promise<number>;
  /** The value a gauge has now. */
  gauge(name: string): Promise<number | undefined>;
  /** Looks at the page, by how they ended. */
  looks(result: string): number;
}

/** Starts an agent that looks at `target` twenty times a second. */
export async function startScrapingAgent(target: string, rules: object = {}): Promise<ScrapingAgent> {
  const reporter = recordingReporter();
  const agent: Agent = await startAgent({
    statsd: {
      udp_address: "",
      interval: "1h",
      synchronize_with_interval: false,
      sources: [{ kind: "openmetrics", name: "it", scrape_target: target, scrape_interval: "50ms", ...rules }],
    },
    outputs: [],
  }, { reporter });
  const looks = reporter.metrics.counter(
    "limier_openmetrics_scrapes_total",
    "Looks at pages of metrics, by how they ended.",
  );
  const read = () => looks.value({ source: "it", result: "ok" });
  return {
    looks: (result) => looks.value({ source: "it", result }),
    async scraped(times) {
      while (read() < times) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    async untilTotal(name, tag, total) {
      let sum = 0;
      for (let i = 0; i < 60 && sum < total; i++) {
        for (const point of await agent.flushNow()) {
          if (point.name === name && (tag === "" || point.tags.includes(tag))) sum += point.total ?? 0;
        }
      }
      return sum;
    },
    async gauge(name) {
      for (let i = 0; i < 60; i++) {
        const found = (await agent.flushNow()).findLast((point) => point.name === name && point.type === "gauge");
        if (found !== undefined) return found.value;
      }
      return undefined;
    },
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}
