import assert from "node:assert/strict";
import { loadLibrary } from "./library.ts";
import { answerError, connectFailure, KafkaError } from "./errors.ts";
import { isRetriable, ProtocolError, protocolErrorName } from "./protocol_errors.ts";

Deno.test("protocolErrorName() has the names of the library's generated table", async () => {
  const { protocolErrors } = await loadLibrary();
  for (const { id, code } of Object.values(protocolErrors)) assert.equal(protocolErrorName(code), id);
  assert.equal(protocolErrorName(30_000), "ERROR_30000");
});

Deno.test("ProtocolError names what its numbers are", () => {
  const words = (name: string) => name.toLowerCase().replaceAll("_", "");
  for (const [key, number] of Object.entries(ProtocolError)) {
    const name = words(protocolErrorName(number)).replace(/exception$/, "");
    assert.equal(name, words(key), `${number}`);
  }
});

Deno.test("isRetriable() agrees with the library's table, but for errors that are no client's business", async () => {
  const { protocolErrors } = await loadLibrary();
  const names = Object.values(protocolErrors).filter(({ code, canRetry }) => isRetriable(code) !== canRetry).map((
    { id },
  ) => id);
  assert.deepEqual(names.sort(), [
    "BROKER_NOT_AVAILABLE",
    "ELIGIBLE_LEADERS_NOT_AVAILABLE",
    "FETCH_SESSION_ID_NOT_FOUND",
    "FETCH_SESSION_TOPIC_ID_ERROR",
    "INVALID_FETCH_SESSION_EPOCH",
    "INVALID_SHARE_SESSION_EPOCH",
    "SHARE_SESSION_NOT_FOUND",
  ]);
});

Deno.test("KafkaError tells what it is counted under, and whether another try may help", () => {
  const answer = answerError(29, "produce to t", "not allowed");
  assert.deepEqual([answer.label, answer.retryable, answer.ambiguous], ["TOPIC_AUTHORIZATION_FAILED", false, false]);
  assert.equal(answer.message, "Cannot produce to t: the broker says TOPIC_AUTHORIZATION_FAILED (not allowed)");
  assert.equal(answerError(6, "x").retryable, true);
  const closed = new KafkaError("kafka.closed", "x");
  assert.deepEqual([closed.label, closed.retryable, closed.ambiguous], ["closed", true, true]);
  assert.equal(new KafkaError("kafka.tls", "x").retryable, false);
});

Deno.test("connectFailure() names the user and never what caused it holds", () => {
  const cause = new Error("SASL_AUTHENTICATION_FAILED for alice:s3cr3t");
  const error = connectFailure(cause, "h:1", "mechanism PLAIN, user alice");
  assert.deepEqual([error.code, error.message], [
    "kafka.authentication",
    "Cannot connect to Kafka broker h:1: it refuses the credentials (mechanism PLAIN, user alice)",
  ]);
});
