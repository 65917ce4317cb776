import https from "node:https";
import type { Clock } from "../../clock/mod.ts";
import type { HttpNotifierConfig } from "./config.ts";
import { NotificationError, type Sender } from "./sender.ts";
import { compileTemplate } from "./template.ts";

/** Posts texts to a URL that is filled in like them. Proxies are those of the environment. */
export function newHttpSender(config: HttpNotifierConfig, clock: Clock): Sender {
  const urlOpen = compileTemplate("url_open", config.urlOpen, false);
  const urlClose = compileTemplate("url_close", config.urlClose, false);
  const { disableHttpKeepalive, keepaliveMs, extraCa } = config;
  const keepsNone = disableHttpKeepalive || keepaliveMs === 0;
  const client = Deno.createHttpClient({
    ...(extraCa === "" ? {} : { caCerts: [Deno.readTextFileSync(extraCa)] }),
    ...(keepsNone ? { poolMaxIdlePerHost: 0 } : { poolIdleTimeout: keepaliveMs }),
  });
  const headers = headersOf(config);

  async function send(url: string, method: string, body: string): Promise<number> {
    const late = new AbortController();
    const answered = new AbortController();
    const timer = clock.sleep(config.timeoutMs, answered.signal).then(() => late.abort());
    try {
      if (config.noverify && url.startsWith("https:")) {
        return await sendUnverified(url, method, headers, body, late.signal);
      }
      const init = { method, headers, client, signal: late.signal, redirect: "follow" } as const;
      const response = await fetch(url, method === "GET" || method === "HEAD" ? init : { ...init, body });
      await response.arrayBuffer();
      return response.status;
    } finally {
      answered.abort();
      await timer;
    }
  }

  return {
    async send(text, data, isClose) {
      const url = (isClose ? urlClose : urlOpen).render(data);
      const method = isClose ? config.methodClose : config.methodOpen;
      let status: number;
      try {
        status = await send(url, method, text);
      } catch (cause) {
        const isLate = cause instanceof Error && cause.name === "AbortError";
        const why = isLate ? `no answer within ${config.timeoutMs} ms` : cause instanceof Error ? cause.message : cause;
        throw new NotificationError(`Cannot ${method} a notification to ${hostOf(url)}: ${why}`, { cause });
      }
      if (status < 200 || status > 299) {
        throw new NotificationError(`Cannot ${method} a notification to ${hostOf(url)}: it answered ${status}`);
      }
    },
    [Symbol.asyncDispose]() {
      client.close();
      return Promise.resolve();
    },
  };
}

function headersOf({ headers, username, password }: HttpNotifierConfig): Headers {
  const all = new Headers({ "content-type": "application/json" });
  if (username !== "") {
    const bytes = new TextEncoder().encode(`${username}:${password}`);
    all.set("authorization", `Basic ${btoa(String.fromCharCode(...bytes))}`);
  }
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  return all;
}

/** Paths and queries hold keys often enough. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "a URL that is none";
}

/** The runtime's fetch verifies always. */
function sendUnverified(
  url: string,
  method: string,
  headers: Headers,
  body: string,
  signal: AbortSignal,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const options = { method, headers: Object.fromEntries(headers), rejectUnauthorized: false, agent: false, signal };
  const request = https.request(url, options as https.RequestOptions, (response) => {
    response.on("end", () => resolve(response.statusCode ?? 0)).on("error", reject);
    response.resume();
  });
  request.on("error", reject);
  request.end(body);
  return promise;
}
