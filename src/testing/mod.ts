/**
 * What tests of several modules share: servers that are not part of the project, and what a test does where one is missing.
 *
 * @module
 */
export {
  findServer,
  freePort,
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
