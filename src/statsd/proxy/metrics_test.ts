import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { newSelfMetrics, Registry } from "../../telemetry/mod.ts";
import { newProxyMetrics } from "./metrics.ts";

Deno.test("newProxyMetrics() counts for the page, and sends the same as veneur_proxy.*", async () => {
  const registry = new Registry();
  const sent: string[] = [];
  const own = newSelfMetrics({
    send: (datagram) => void sent.push(new TextDecoder().decode(datagram)),
    clock: new FakeClock(),
    namespace: "veneur_proxy.",
    scopes: { counter: "default", gauge: "default" },
  });
  const metrics = newProxyMetrics(registry, own);
  metrics.taken("http");
  metrics.received("http", 5, 1);
  metrics.refused("grpc-single", "json");
  metrics.request("g1:1", "delivered");
  metrics.delivered("g1:1", 2);
  metrics.lost("g1:1", "ambiguous", 1);
  metrics.lost("g2:1", "queue_full", 1);
  metrics.lost("", "no_destination", 1);
  metrics.rerouted("g2:1", 3);
  metrics.discovered("http", "success");
  metrics.discovered("http", "empty");
  metrics.members("http", 2);
  metrics.members("grpc", 1);
  await own.flush();
  assert.deepEqual(sent.join("\n").split("\n"), [
    "veneur_proxy.ingest.request_count:1|c|#protocol:http",
    "veneur_proxy.ingest.metrics_count:5|c|#error:false,protocol:http",
    "veneur_proxy.ingest.metrics_count:1|c|#error:true,protocol:http",
    "veneur_proxy.ingest.request_count:1|c|#protocol:grpc-single",
    "veneur_proxy.ingest.request_error_count:1|c|#protocol:grpc-single,status:json",
    "veneur_proxy.forward.metrics_count:2|c|#error:false",
    "veneur_proxy.forward.metrics_count:1|c|#error:forward",
    "veneur_proxy.forward.metrics_count:1|c|#error:dropped",
    "veneur_proxy.forward.metrics_count:1|c|#error:dropped",
    "veneur_proxy.discovery.count:1|c|#status:success",
    "veneur_proxy.discovery.count:1|c|#status:fail",
    "veneur_proxy.discovery.destinations:2|g",
    "veneur_proxy.discovery.destinations:3|g",
  ]);
  assert.deepEqual(metrics.totals(), { received: 5, delivered: 2, lost: 3 });
  const lines = registry.text().split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.deepEqual(lines, [
    'limier_proxy_destinations{ring="grpc"} 1',
    'limier_proxy_destinations{ring="http"} 2',
    'limier_proxy_discoveries_total{ring="http",status="empty"} 1',
    'limier_proxy_discoveries_total{ring="http",status="success"} 1',
    'limier_proxy_forward_requests_total{destination="g1:1",outcome="delivered"} 1',
    'limier_proxy_import_requests_refused_total{cause="json",protocol="grpc-single"} 1',
    'limier_proxy_import_requests_total{protocol="http"} 1',
    'limier_proxy_series_delivered_total{destination="g1:1"} 2',
    'limier_proxy_series_lost_total{destination="g1:1",reason="ambiguous"} 1',
    'limier_proxy_series_lost_total{destination="g2:1",reason="queue_full"} 1',
    'limier_proxy_series_lost_total{destination="none",reason="no_destination"} 1',
    'limier_proxy_series_received_total{protocol="http"} 5',
    'limier_proxy_series_rejected_total{protocol="http"} 1',
    'limier_proxy_series_rerouted_total{destination="g2:1"} 3',
  ]);
});

Deno.test("newProxyMetrics() shows what waits as it is when the page is asked for", () => {
  const registry = new Registry();
  const metrics = newProxyMetrics(registry);
  let pending: [string, number][] = [["g1:1", 3], ["g2:1", 0], ["g1:1", 4]];
  metrics.showPending(() => pending);
  const shown = () => registry.text().split("\n").filter((line) => line.startsWith("limier_proxy_series_pending{"));
  assert.deepEqual(shown(), [
    'limier_proxy_series_pending{destination="g1:1"} 7',
    'limier_proxy_series_pending{destination="g2:1"} 0',
  ]);
  pending = [["g2:1", 5]];
  assert.deepEqual(shown(), ['limier_proxy_series_pending{destination="g2:1"} 5']);
});
