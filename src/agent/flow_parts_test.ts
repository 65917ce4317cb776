import assert from "node:assert/strict";
import { Section } from "../config/mod.ts";
import { enrichedMessage, type FlowSource, readFlowConfig, resolveSchema } from "../flow/mod.ts";
import { newFlowPages } from "./flow_parts.ts";

const PATH = "/api/v0/outlet/kafka-output/schema.proto";
const config = readFlowConfig(Section.of({
  inlet: { listen: [{ address: "127.0.0.1:2055", decoder: "netflow" }] },
  outlet: {
    clickhouse: { servers: ["http://127.0.0.1:8123"] },
    kafka_output: { enabled: true, brokers: ["127.0.0.1:9092"] },
  },
}));

Deno.test("newFlowPages() shows the messages of the source that runs", async () => {
  let source: Pick<FlowSource, "enrichedProto"> | undefined;
  const pages = newFlowPages(() => source as FlowSource | undefined, config);
  assert.equal((await pages.request(PATH)).status, 503);
  source = { enrichedProto: enrichedMessage(resolveSchema().ingested).proto };
  assert.equal(await (await pages.request(PATH)).text(), source.enrichedProto);
  source = { enrichedProto: "" }; // as after a reload that turns it off
  assert.equal((await pages.request(PATH)).status, 404);
  assert.equal((await pages.request("/api/v0/flow/query", { method: "POST", body: "SELECT 1" })).status, 503);
});
