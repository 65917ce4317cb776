import assert from "node:assert/strict";
import { newRoutes } from "./routes.ts";

const find = newRoutes([
  { path: "/v3/kafka", methods: { GET: "clusters" } },
  { path: "/v3/kafka/:cluster/consumer/:group", methods: { GET: "group", DELETE: "remove" } },
]);

Deno.test("newRoutes() splits a path before it decodes names", () => {
  assert.deepEqual(find("GET", "/v3/kafka/c%20d/consumer/g%2F1%3F"), {
    kind: "answer",
    answer: "group",
    names: { cluster: "c d", group: "g/1?" },
  });
  assert.deepEqual(find("DELETE", "/v3/kafka/c/consumer/g").kind, "answer");
  assert.deepEqual(find("HEAD", "/v3/kafka"), { kind: "answer", answer: "clusters", names: {} });
});

const others: [method: string, path: string, found: unknown][] = [
  ["PUT", "/v3/kafka", { kind: "method", allow: ["GET", "OPTIONS"] }],
  ["OPTIONS", "/v3/kafka/c/consumer/g", { kind: "method", allow: ["GET", "DELETE", "OPTIONS"] }],
  ["GET", "/v3/kafka/", { kind: "redirect", path: "/v3/kafka" }],
  ["GET", "/V3/Kafka", { kind: "redirect", path: "/v3/kafka" }],
  ["GET", "/v3/KAFKA/C/Consumer/G%2F/", { kind: "redirect", path: "/v3/kafka/C/consumer/G%2F" }],
  ["GET", "/v3", { kind: "unknown" }],
  ["GET", "/v3/kafka/c/consumer/", { kind: "unknown" }],
  ["GET", "/v3/kafka/c/consumer/%ff", { kind: "unknown" }],
  ["GET", "/", { kind: "unknown" }],
];

for (const [method, path, found] of others) {
  Deno.test(`newRoutes() finds no answer to ${method} ${path}`, () => assert.deepEqual(find(method, path), found));
}
