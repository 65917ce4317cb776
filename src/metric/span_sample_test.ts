import assert from "node:assert/strict";
import { spanSample } from "./span_sample.ts";

Deno.test("spanSample() keeps what is said, and fills in the rest", () => {
  assert.deepEqual(spanSample({ metric: "counter", name: "jobs", value: 3, tags: { env: "prod" } }), {
    metric: "counter",
    name: "jobs",
    value: 3,
    timestampNs: 0n,
    message: "",
    status: 0,
    sampleRate: 1,
    tags: { env: "prod" },
    unit: "",
    scope: "mixed",
  });
  assert.deepEqual(spanSample({ metric: "set", name: "users", message: "ann" }).value, 0);
});
