import { type Context, Hono } from "@hono/hono";
import { stringify } from "@std/yaml";
import type { Clock } from "../clock/mod.ts";
import type { Reporter, startCpuProfile } from "../telemetry/mod.ts";
import { requireToken } from "./bearer.ts";
import { BodyTooLarge, type HttpBindings } from "./bridge.ts";
import { hostGuard, type HostGuardOptions } from "./host_guard.ts";
import { newPprof } from "./pprof.ts";

/** What the agent's own pages show. */
export interface AppOptions {
  readonly version: string;
  /** "" when the program was not built by a release. */
  readonly buildDate: string;
  /** The command line, program first. */
  readonly args: readonly string[];
  /** The effective configuration as it may be shown: secrets taken out. */
  readonly config: () => object;
  readonly configEnabled: boolean;
  /** Starts a graceful stop; called once its request is answered. */
  readonly quit: () => void;
  readonly quitEnabled: boolean;
  /** Prometheus text by the page's name under `/metrics/`: `statsd`, `burrow`. */
  readonly metricsPages: Readonly<Record<string, () => string | Promise<string>>>;
  /** The page that `/metrics` shows. @default "limier" */
  readonly metricsFront?: string;
  /** False while the agent starts or stops: then `/healthcheck` is 503. */
  readonly healthy: () => boolean;
  /** Whether spans are taken in. */
  readonly tracing: () => boolean;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** Applies to every page, those mounted later too. */
  readonly guard?: HostGuardOptions;
  /** Asked for by every page but `/healthcheck`. */
  readonly token?: string;
  /** How a CPU profile is taken; replaced in tests. */
  readonly startProfile?: typeof startCpuProfile;
}

/** The content type of Prometheus' text format. */
export const PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

/** What is open without a token, so that an orchestrator can ask for it. */
const OPEN_PATHS = ["/healthcheck"];

/**
 * The agent's own pages, behind its checks. Apps of sources are added with `app.route("/", theirs)` and stand behind the
 * same checks.
 */
export function newApp(options: AppOptions): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(hostGuard(options.guard));
  if (options.token !== undefined) app.use(requireToken(options.token, OPEN_PATHS));

  app.get("/healthcheck", (c) => options.healthy() ? c.text("ok\n") : c.text("nok\n", 503));
  app.get("/healthcheck/tracing", (c) => options.tracing() ? c.text("ok\n") : c.text("nok\n", 403));
  app.get("/version", (c) => c.text(options.version));
  app.get("/builddate", (c) => c.text(options.buildDate || "dirty"));
  if (options.configEnabled) addConfigPages(app, options.config);
  if (options.quitEnabled) {
    app.post("/quitquitquit", (c) => {
      setTimeout(options.quit, 0); // behind the answer
      return c.text("Beginning graceful shutdown....\n");
    });
  }
  addMetricsPages(app, options);
  app.route("/", newPprof(options));

  app.notFound((c) => c.text("404 page not found\n", 404));
  app.onError((error, c) => {
    if ("getResponse" in error) return error.getResponse(); // Hono's own, a 401 for one
    if (error instanceof BodyTooLarge) return c.text(`${error.message}\n`, 413);
    if (!c.req.raw.signal.aborted) options.reporter.error(`Cannot answer ${c.req.method} ${c.req.path}`, { error });
    return c.text("Internal Server Error\n", 500);
  });
  return app;
}

function addConfigPages(app: Hono<{ Bindings: HttpBindings }>, config: () => object): void {
  const json = (c: Context) =>
    c.body(JSON.stringify(config(), null, 2) + "\n", 200, { "content-type": "application/json" });
  app.get("/config", json);
  app.get("/config/json", json);
  app.get("/config/yaml", (c) => {
    // By way of JSON, so that both pages leave out the same.
    const text = stringify(JSON.parse(JSON.stringify(config())), { lineWidth: -1 });
    return c.body(text, 200, { "content-type": "application/yaml" });
  });
}

function addMetricsPages(app: Hono<{ Bindings: HttpBindings }>, options: AppOptions): void {
  const pages: AppOptions["metricsPages"] = { limier: () => options.reporter.metrics.text(), ...options.metricsPages };
  const front = options.metricsFront ?? "limier";
  for (const [name, page] of Object.entries(pages)) {
    const show = async (c: Context) => c.body(await page(), 200, { "content-type": PROMETHEUS_TEXT });
    app.get(`/metrics/${name}`, show);
    if (name === front) app.get("/metrics", show);
  }
}
