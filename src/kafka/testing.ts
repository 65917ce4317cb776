/**
 * A real broker for the tests of whatever speaks to Kafka.
 *
 * @module
 */
export {
  brokerTest,
  type SecureListeners,
  startTestBroker,
  TEST_USER,
  type TestBroker,
  type TestBrokerOptions,
} from "./testing_broker.ts";
export { readTopic, type TopicRecord } from "./testing_topic.ts";
