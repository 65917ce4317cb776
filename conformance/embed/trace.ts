/**
 * A program that traces itself: an agent of its own takes the spans, measures them and puts them to a trace agent.
 *
 * ```text
 * deno run -A conformance/embed/trace.ts http://127.0.0.1:8126
 * ```
 *
 * @module
 */
import { type Point, startAgent, startTracer } from "../../mod.ts";

/** What became of the spans of this program. */
export interface Traced {
  /** The ids of the three spans, the root first. */
  readonly ids: readonly bigint[];
  /** What the agent measured of them. */
  readonly points: readonly Point[];
}

/** Traces a purchase across two services, of which one is told by HTTP headers; all of it in this process. */
export async function tracePurchase(traceApiAddress: string, listen: string): Promise<Traced> {
  await using agent = await startAgent({
    statsd: {
      udp_address: "",
      ssf_listen_addresses: [listen],
      interval: "1h",
      synchronize_with_interval: false,
      hostname: "web1",
      indicator_span_timer_name: "latency",
      aggregates: ["count"],
    },
    outputs: [{ name: "apm", kind: "datadog", sends: ["spans"], trace_api_address: traceApiAddress }],
  });
  const [address] = agent.addresses;
  await using shop = startTracer({ address: address!, service: "shop", tags: { env: "prod" } });
  await using pay = startTracer({ address: address!, service: "pay" });
  const ids: bigint[] = [];
  const headers = new Headers();
  shop.trace("checkout", (span) => {
    span.count("checkouts", 2, { currency: "EUR" });
    using charge = span.startChild("charge", { resource: "POST /charge" });
    charge.inject(headers);
    ids.push(span.id, charge.id);
  }, { indicator: true });
  const book = pay.startSpan("book", { parent: headers });
  ids.push(book.id);
  book.fail(new Error("no funds")).finish();
  await Promise.all([shop.flush(), pay.flush()]);
  return { ids, points: await untilMeasured("checkouts", () => agent.flushNow()) };
}

/** Flushes until the points of a name are there: a span takes its time. */
async function untilMeasured(name: string, flush: () => Promise<readonly Point[]>): Promise<Point[]> {
  const points: Point[] = [];
  for (let i = 0; i < 60; i++) {
    points.push(...await flush());
    if (points.some((point) => point.name === name)) break;
  }
  return points;
}

if (import.meta.main) {
  const { ids, points } = await tracePurchase(Deno.args[0] ?? "http://127.0.0.1:8126", "udp://127.0.0.1:0");
  console.log(ids.join(" "));
  console.table(points, ["name", "type", "value", "tags"]);
}
