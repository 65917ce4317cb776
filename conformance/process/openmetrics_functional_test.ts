import assert from "node:assert/strict";
import { startAgent } from "../../mod.ts";
import { functionalTest, PROMETHEUS, startPrometheus } from "../../src/testing/mod.ts";
import { startScrapingAgent } from "./scraping_agent.ts";

Deno.test("an agent scrapes another's page, and counts what was added since it first looked", async () => {
  await using measured = await startAgent({
    statsd: { udp_address: "", interval: "1h", synchronize_with_interval: false },
    http: { address: "127.0.0.1:0" },
    outputs: [],
  });
  const page = `${measured.addresses.find((address) => address.startsWith("http://"))}/metrics`;
  measured.emit("before:1|c\nbefore:2|c\nbad");
  await using agent = await startScrapingAgent(page, { allowlist: "^limier_statsd_lines_", tags: ["job:limier"] });
  await agent.scraped(1);
  const lines = Array.from({ length: 25 }, (_, i) => i % 5 === 0 ? "bad" : `after:${i}|c`);
  measured.emit(lines.join("\n"));
  assert.equal(await agent.untilTotal("limier_statsd_lines_accepted_total", "job:limier", 20), 20);
  measured.emit(lines.join("\n"));
  assert.equal(await agent.untilTotal("limier_statsd_lines_rejected_total", "reason:no_colon", 5), 5);
});

functionalTest("an agent scrapes a real Prometheus, as text and as OpenMetrics", PROMETHEUS, async (executable) => {
  await using server = await startPrometheus(executable);
  const { url } = server;
  const offered: string[] = [];
  await using plain = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    // Asked without a wish, it answers in the older format.
    const answer = await fetch(`${url}/metrics`, { headers: { accept: "text/plain" } });
    offered.push(answer.headers.get("content-type") ?? "");
    return new Response(await answer.text(), { headers: { "content-type": offered.at(-1)! } });
  });
  await using openMetrics = await startScrapingAgent(`${url}/metrics`);
  await using text = await startScrapingAgent(`http://127.0.0.1:${plain.addr.port}/metrics`);
  await Promise.all([openMetrics.scraped(1), text.scraped(1)]);
  for (let i = 0; i < 17; i++) await (await fetch(`${url}/-/healthy`)).body?.cancel();
  for (const agent of [openMetrics, text]) {
    assert.equal(await agent.untilTotal("prometheus_http_requests_total", "handler:/-/healthy", 17), 17);
    const durations = "prometheus_http_request_duration_seconds";
    assert.ok((await agent.gauge("go_goroutines"))! > 10);
    // Every look is a request itself, so that the histogram of the page's own requests grows.
    assert.ok(await agent.untilTotal(`${durations}.count`, "handler:/metrics", 1) >= 1);
    assert.ok(await agent.untilTotal(`${durations}.le+Inf`, "handler:/metrics", 1) >= 1);
    for (const failure of ["syntax", "incomplete", "connection"]) assert.equal(agent.looks(failure), 0);
  }
  assert.ok(offered.every((type) => type.startsWith("text/plain")));
});
