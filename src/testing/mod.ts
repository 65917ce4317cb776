/**
 * What tests of several modules share: servers that are not part of the project, what a test does where one is missing,
 * free ports, numbers that look like chance, and waiting for what others bring about.
 *
 * @module
 */
export { freePort, freeUdpPort } from "./free_port.ts";
export { fractionsFrom, randomFrom } from "./random.ts";
export { PROMETHEUS, startPrometheus } from "./prometheus.ts";
export {
  findServer,
  functionalTest,
  isFile,
  type Needed,
  type RunningServer,
  type ServerFacts,
  serversDirectory,
  type ServerStart,
  startServer,
  testWith,
} from "./real_server.ts";
export { type ServerProcess, startProcess } from "./server_process.ts";
export { testUnless } from "./skip.ts";
export { until } from "./until.ts";
