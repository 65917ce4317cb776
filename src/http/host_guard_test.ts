import { Hono } from "@hono/hono";
import assert from "node:assert/strict";
import type { Connection, HttpBindings } from "./bridge.ts";
import { hostGuard } from "./host_guard.ts";

const TCP: Connection = {
  transport: "tcp",
  localAddress: "192.0.2.7",
  remoteAddress: "192.0.2.9",
  authenticated: false,
};
const UNIX: Connection = { transport: "unix", authenticated: false };

function newGuarded() {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(hostGuard({ allowedHosts: ["Agent.Example", "2001:db8::1"], anyHostPaths: ["/import"] }));
  app.all("*", (c) => c.text("done"));
  return app;
}

interface Row {
  method?: string;
  path?: string;
  host?: string;
  origin?: string;
  connection?: Connection;
}

const passed: Row[] = [
  { host: "evil.example", method: "GET" },
  { host: "evil.example", origin: "http://evil.example", method: "GET" },
  { host: "evil.example", method: "HEAD" },
  {},
  { host: "localhost" },
  { host: "LOCALHOST.:8127" },
  { host: "limier.localhost:8127" },
  { host: "127.0.0.1:8127" },
  { host: "127.9.9.9" },
  { host: "[::1]:8127" },
  { host: "192.0.2.7:8127" },
  { host: "agent.example" },
  { host: "AGENT.example:8127" },
  { host: "[2001:DB8:0::1]:8127" },
  { host: "localhost", origin: "http://localhost:8127" },
  { host: "localhost", origin: "https://agent.example" },
  { host: "localhost", origin: "http://[::1]:1" },
  { host: "agent.internal", path: "/import" },
  { host: "anything", connection: UNIX },
];
for (const row of passed) {
  Deno.test(`hostGuard() lets ${JSON.stringify(row)} pass`, async () => {
    assert.equal((await ask(row)).status, 200);
  });
}

const refused: Row[] = [
  { host: "evil.example" },
  { host: "evil.example:8127" },
  { host: "localhost.evil.example" },
  { host: "localhostx" },
  { host: "127.0.0.1.evil.example" },
  { host: "192.0.2.8" },
  { host: "0.0.0.0:8127" },
  { host: "sub.agent.example" },
  { host: "localhost@evil.example" },
  { host: "evil.example#localhost" },
  { host: "localhost/x" },
  { host: "local host" },
  { host: "[::2]" },
  { host: "evil.example", method: "PUT" },
  { host: "evil.example", method: "DELETE" },
  { host: "evil.example", method: "OPTIONS" },
  { host: "evil.example", path: "/import/x" },
  { host: "localhost", origin: "http://evil.example" },
  { host: "localhost", origin: "null" },
  { host: "localhost", origin: "" },
  { host: "localhost", origin: "http://localhost.evil.example" },
  { host: "localhost", origin: "http://localhost@evil.example" },
  { host: "localhost", origin: "chrome-extension://localhost" },
  { host: "localhost", origin: "http://localhost http://evil.example" },
  { host: "evil.example", origin: "http://evil.example" },
  { host: "agent.internal", path: "/import", origin: "http://evil.example" },
  { host: "anything", connection: UNIX, origin: "http://evil.example" },
];
for (const row of refused) {
  Deno.test(`hostGuard() refuses ${JSON.stringify(row)}`, async () => {
    const response = await ask(row);
    assert.equal(response.status, 403);
    assert.match(await response.text(), /^Refused: this (Host|Origin) .*http\.allowed_hosts\n$/);
  });
}

Deno.test("hostGuard() with * lets everything pass", async () => {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(hostGuard({ allowedHosts: ["*"] }));
  app.post("/", (c) => c.text("done"));
  const headers = { host: "evil.example", origin: "null" };
  assert.equal((await app.request("/", { method: "POST", headers })).status, 200);
});

async function ask({ method = "POST", path = "/", host, origin, connection = TCP }: Row): Promise<Response> {
  const headers = new Headers();
  if (host !== undefined) headers.set("host", host);
  if (origin !== undefined) headers.set("origin", origin);
  return await newGuarded().request(path, { method, headers }, { connection });
}
