/** Burrow's pages, third version: what clusters, topics and groups there are and how groups do. */
import { Hono } from "@hono/hono";
import type { Evaluator } from "../evaluator/caching.ts";
import { replyValue, statusObject } from "../evaluator/objects.ts";
import { Status } from "../evaluator/status.ts";
import { exactJson } from "../exact_json.ts";
import type { LagSourceConfig } from "../source_config.ts";
import type { StorageCoordinator } from "../storage/coordinator.ts";
import { newRequest, type RequestType, type StorageRequest } from "../storage/request.ts";
import type { JsonObject, JsonValue } from "../wire/decode.ts";
import { mainView, MODULE_KINDS, type ModuleKind, moduleNames, moduleView } from "./config_views.ts";
import { newRoutes, type PathNames, type Route } from "./routes.ts";

/** The level of the log, which a page can change. */
export interface LogLevelSetting {
  get(): string;
  /** @param level one of debug, info, warn, error */
  set(level: "debug" | "info" | "warn" | "error"): void;
}

/** What the pages need. */
export interface LagAppDeps {
  readonly config: LagSourceConfig;
  readonly storage: Pick<StorageCoordinator, "fetch" | "set">;
  readonly evaluator: Evaluator;
  readonly isReady: () => boolean;
  /** The host's name, which every answer carries. */
  readonly hostname: string;
  readonly logLevel?: LogLevelSetting;
  /** Answers every other path too. @default false */
  readonly answersAll?: boolean;
}

interface Answered {
  readonly status: number;
  readonly body: JsonObject;
}

type Answer = (names: PathNames, request: Request) => Promise<Answered> | Answered;

const JSON_TYPE = { "content-type": "application/json" };
const TEXT_TYPE = { "content-type": "text/plain; charset=utf-8" };

/** The pages as an app to be mounted at the root. */
export function newLagApp(deps: LagAppDeps): Hono {
  const { allowOrigin } = deps.config.page;
  const find = newRoutes<Answer | "good" | "ready">([
    { path: "/burrow/admin", methods: { GET: "good" } },
    { path: "/burrow/admin/ready", methods: { GET: "ready" } },
    ...routesOf(deps),
  ]);

  async function answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const found = find(request.method, pathname);
    switch (found.kind) {
      case "redirect":
        if (request.method !== "GET" && request.method !== "HEAD") break;
        return new Response(null, { status: 301, headers: { location: found.path } });
      case "method": {
        const status = request.method === "OPTIONS" ? 200 : 405;
        return new Response(null, { status, headers: { allow: found.allow.join(", ") } });
      }
      case "answer": {
        if (found.answer === "good") return new Response("GOOD", { headers: TEXT_TYPE });
        if (found.answer === "ready") {
          const isReady = deps.isReady();
          return new Response(isReady ? "READY" : "STARTING", { status: isReady ? 200 : 503, headers: TEXT_TYPE });
        }
        const { status, body } = await found.answer(found.names, request);
        const named = { ...body, request: { url: readable(pathname), host: deps.hostname } };
        return new Response(exactJson(named), { status, headers: JSON_TYPE });
      }
      default:
    }
    const unknown = { error: true, message: "invalid request type", result: {} };
    return new Response(JSON.stringify(unknown), { status: 404, headers: JSON_TYPE });
  }

  const app = new Hono();
  const paths = ["/v2", "/v2/*", "/v3", "/v3/*", "/V3/*", "/burrow", "/burrow/*"];
  for (const path of deps.answersAll ? ["*"] : paths) {
    app.all(path, async (c) => {
      const response = await answer(c.req.raw);
      if (allowOrigin !== "") response.headers.set("access-control-allow-origin", allowOrigin);
      return response;
    });
  }
  return app;
}

/** A path as people read it. */
function readable(pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch (error) {
    if (error instanceof URIError) return pathname;
    throw error;
  }
}

function ok(message: string, payload: JsonObject = {}): Answered {
  return { status: 200, body: { error: false, message, ...payload } };
}

function failed(status: number, message: string): Answered {
  return { status, body: { error: true, message } };
}

function routesOf(deps: LagAppDeps): Route<Answer>[] {
  const { storage, evaluator, config } = deps;

  const ask = async (
    type: RequestType,
    names: Partial<Omit<StorageRequest, "type">>,
  ): Promise<JsonValue | undefined> => {
    const reply = await storage.fetch(newRequest(type, names));
    return reply === undefined ? undefined : replyValue(reply);
  };
  const asked = (type: RequestType, message: string, field: string, missing: string): Answer => async (names) => {
    const value = await ask(type, names);
    return value === undefined ? failed(404, missing) : ok(message, { [field]: value });
  };
  const status = (showAll: boolean): Answer => async ({ cluster = "", group = "" }) => {
    const found = await evaluator.evaluate(cluster, group, showAll);
    const answered = ok("consumer status returned", { status: statusObject(found) });
    return found.status === Status.notFound ? { ...answered, status: 404 } : answered;
  };
  const remove: Answer = async ({ cluster = "", group = "", topic = "" }) => {
    await storage.set(newRequest("StorageSetDeleteGroup", { cluster, group, topic }));
    evaluator.forget(cluster, group);
    return ok("consumer group removed");
  };
  const detail = (kind: ModuleKind, name: string): Answered => {
    const module = moduleView(config, kind, name);
    return module === undefined
      ? failed(404, `${kind} module not found`)
      : ok(`${kind} module detail returned`, { module });
  };

  const kafka = "/v3/kafka/:cluster";
  const group = `${kafka}/consumer/:group`;
  const noCluster = "cluster not found";
  return [
    { path: "/v3/kafka", methods: { GET: asked("StorageFetchClusters", "cluster list returned", "clusters", "") } },
    { path: kafka, methods: { GET: ({ cluster = "" }) => detail("cluster", cluster) } },
    {
      path: `${kafka}/topic`,
      methods: { GET: asked("StorageFetchTopics", "topic list returned", "topics", noCluster) },
    },
    {
      path: `${kafka}/topic/:topic`,
      methods: { GET: asked("StorageFetchTopic", "topic offsets returned", "offsets", "cluster or topic not found") },
    },
    {
      path: `${kafka}/topic/:topic/consumers`,
      methods: {
        GET: asked("StorageFetchConsumersForTopic", "consumers of topic returned", "consumers", noCluster),
      },
    },
    {
      path: `${kafka}/consumer`,
      methods: { GET: asked("StorageFetchConsumers", "consumer list returned", "consumers", noCluster) },
    },
    {
      path: group,
      methods: {
        GET: asked("StorageFetchConsumer", "consumer detail returned", "topics", "cluster or consumer not found"),
        DELETE: remove,
      },
    },
    { path: `${group}/topic/:topic`, methods: { DELETE: remove } },
    { path: `${group}/status`, methods: { GET: status(false) } },
    { path: `${group}/lag`, methods: { GET: status(true) } },
    { path: "/v3/config", methods: { GET: () => ok("main config returned", mainView(config)) } },
    ...MODULE_KINDS.flatMap((kind): Route<Answer>[] => [
      {
        path: `/v3/config/${kind}`,
        methods: {
          GET: () => ok("module list returned", { coordinator: kind, modules: [...moduleNames(config, kind)] }),
        },
      },
      { path: `/v3/config/${kind}/:name`, methods: { GET: ({ name = "" }) => detail(kind, name) } },
    ]),
    {
      path: "/v3/admin/loglevel",
      methods: { GET: () => levelPage(deps), POST: (_, request) => setLevel(deps, request) },
    },
  ];
}

const LEVELS: Readonly<Record<string, "debug" | "info" | "warn" | "error">> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  fatal: "error",
};

function levelPage({ logLevel }: LagAppDeps): Answered {
  return ok("log level returned", { level: logLevel?.get() ?? "info" });
}

async function setLevel({ logLevel }: LagAppDeps, request: Request): Promise<Answered> {
  let level: unknown;
  try {
    const body: unknown = JSON.parse(await request.text());
    level = typeof body === "object" && body !== null && "level" in body ? body.level : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return failed(400, "could not decode message body");
  }
  const known = typeof level === "string" ? LEVELS[level.toLowerCase()] : undefined;
  if (known === undefined) return failed(404, "unknown log level");
  logLevel?.set(known);
  return ok("set log level");
}
