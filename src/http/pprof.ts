import { type Context, Hono } from "@hono/hono";
import v8 from "node:v8";
import type { Clock } from "../clock/mod.ts";
import { CpuProfileUnavailable, startCpuProfile } from "../telemetry/mod.ts";
import type { HttpBindings } from "./bridge.ts";

/** What the pages need to know. */
export interface PprofOptions {
  /** The command line, program first. */
  readonly args: readonly string[];
  readonly clock: Clock;
  /** How a profile is taken; replaced in tests. */
  readonly startProfile?: typeof startCpuProfile;
}

/** What Go's pages of these names show, and why there is none here. */
const ABSENT: Readonly<Record<string, string>> = {
  allocs: "the runtime keeps no history of allocations; /debug/pprof/heap has the totals",
  block: "the runtime does not record what waits",
  goroutine: "the runtime has promises where Go has goroutines, and can't list them",
  mutex: "the runtime does not record locks",
  symbol: "profiles carry the names of their functions",
  threadcreate: "the runtime does not record how its threads came to be",
  trace: "the runtime has no execution trace; /debug/pprof/profile is near to it",
};

const DEFAULT_SECONDS = 30;
/** Kept below the time after which a silent connection is closed. */
const MOST_SECONDS = 60;

/** The pages under `/debug/pprof/`: those this runtime has something to show on, and 501 with a reason for the others. */
export function newPprof(
  { args, clock, startProfile = startCpuProfile }: PprofOptions,
): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  let profiling = false;

  async function profile(c: Context): Promise<Response> {
    const seconds = Number(c.req.query("seconds") ?? DEFAULT_SECONDS);
    if (!(seconds > 0 && seconds <= MOST_SECONDS)) {
      return c.text(`Cannot profile: write seconds above 0, of at most ${MOST_SECONDS}\n`, 400);
    }
    if (profiling) return c.text("Cannot profile: a profile is being taken\n", 409);
    profiling = true;
    try {
      using running = await startProfile();
      await clock.sleep(seconds * 1000, c.req.raw.signal);
      return c.body(await running.stop(), 200, {
        "content-type": "application/json",
        "content-disposition": 'attachment; filename="limier.cpuprofile"',
      });
    } catch (error) {
      if (!(error instanceof CpuProfileUnavailable)) throw error;
      return c.text(`${error.message}\n`, 501);
    } finally {
      profiling = false;
    }
  }

  app.get("/debug/pprof/", (c) => c.html(indexPage()));
  app.get("/debug/pprof/cmdline", (c) => c.text(args.join("\0")));
  app.get("/debug/pprof/heap", (c) => c.text(heapSummary()));
  app.get("/debug/pprof/profile", profile);
  for (const [page, reason] of Object.entries(ABSENT)) {
    app.get(`/debug/pprof/${page}`, (c) => c.text(`Cannot show ${page}: ${reason}\n`, 501));
  }
  return app;
}

/** A name and a number a line; sizes in bytes. */
function heapSummary(): string {
  const { rss, heapTotal, heapUsed, external } = Deno.memoryUsage();
  const numbers = { rss, heap_total: heapTotal, heap_used: heapUsed, external, ...v8.getHeapStatistics() };
  return Object.entries(numbers).map(([name, value]) => `${name} ${value}\n`).join("");
}

function indexPage(): string {
  const shown = [
    ["cmdline", "the command line, its parts separated by NUL"],
    ["heap", "memory in use"],
    [`profile?seconds=${DEFAULT_SECONDS}`, "a CPU profile of the main thread, as a .cpuprofile file"],
  ];
  const links = shown.map(([page, what]) => `<li><a href="${page}">${page}</a>: ${what}</li>`);
  const absent = Object.entries(ABSENT).map(([page, reason]) => `<li>${page}: ${reason}</li>`);
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>/debug/pprof/</title></head><body>',
    `<h1>/debug/pprof/</h1><ul>${links.join("")}</ul><h2>Not here</h2><ul>${absent.join("")}</ul></body></html>\n`,
  ].join("\n");
}
