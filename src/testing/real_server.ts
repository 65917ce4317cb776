import { join } from "node:path";
import { freePort } from "./free_port.ts";
import { startProcess } from "./server_process.ts";

/** A server that is not part of the project, and how to get it. */
export interface ServerFacts {
  /** Its executable or script below the servers' directory, as its setup script puts it there. */
  readonly path: string;
  /** Its name on PATH, where it may be instead. */
  readonly command?: string;
  /** The script that gets it. */
  readonly setup: string;
}

/** Where the setup scripts put what they get. */
export function serversDirectory(): string {
  const caches = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? "/", ".cache");
  return Deno.env.get("TEST_SERVERS") || join(caches, "limier", "servers");
}

/** A server's executable or script; `undefined` where it is missing. */
export function findServer({ path, command }: ServerFacts): string | undefined {
  const onPath = command === undefined
    ? []
    : (Deno.env.get("PATH") ?? "").split(":").map((directory) => join(directory, command));
  return [...onPath, join(serversDirectory(), path)].find(isFile);
}

/** Whether there is a file, or a link to one. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // that is what was asked
  }
}

/** What a test needs and the project can't bring: where it is, and the script that gets it. */
export interface Needed {
  /** `undefined` where it is missing. */
  readonly found: string | undefined;
  readonly setup: string;
}

/** A test of something real. Where that is missing it is skipped and says why; with CI=true it fails. */
export function testWith(name: string, { found, setup }: Needed, run: (path: string) => Promise<void>): void {
  if (found !== undefined) {
    Deno.test(name, () => run(found));
    return;
  }
  const missing = `what it needs is missing: run ${setup}`;
  if (Deno.env.get("CI") === "true") {
    Deno.test(name, () => Promise.reject(new Error(`Cannot test "${name}": ${missing}`)));
    return;
  }
  console.log(`skipped: ${name}: ${missing}`);
  Deno.test({ name, ignore: true, fn: () => {} });
}

/** {@linkcode testWith} a real server. */
export function functionalTest(name: string, server: ServerFacts, run: (executable: string) => Promise<void>): void {
  testWith(name, { found: findServer(server), setup: server.setup }, run);
}

/** A server that runs on a loopback port, with a directory of its own. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  /** Its HTTP, without a slash behind. */
  readonly url: string;
  readonly directory: string;
}

/** How a server is started and known to be ready. */
export interface ServerStart {
  /** The command and its arguments. */
  command(port: number, directory: string): readonly string[];
  /** What answers with success, once it is ready. */
  readonly readyPath: string;
  /** Statuses that mean so. @default 200 and 204 */
  readonly readyStatuses?: readonly number[];
}

/** It starts in a second or two; this only guards against a hang. */
const START_TIMEOUT_MS = 120_000;

/** Starts a server and waits until it answers. Disposing ends it and removes its directory. */
export async function startServer(start: ServerStart): Promise<RunningServer> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const process = await startProcess((directory) => start.command(port, directory));
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!await answers(url + start.readyPath, start.readyStatuses ?? [200, 204])) {
    if (!process.hasEnded && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    const why = process.hasEnded ? "it ended" : "it does not answer";
    const said = await process.said();
    await process[Symbol.asyncDispose]();
    throw new Error(`Cannot start ${process.program}: ${why}. It said:\n${said}`);
  }
  return { port, url, directory: process.directory, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

async function answers(url: string, statuses: readonly number[]): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return statuses.includes(response.status);
  } catch {
    return false; // it does not listen yet
  }
}
