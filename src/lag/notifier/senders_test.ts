import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { realClock } from "../../clock/mod.ts";
import { notFound } from "../evaluator/group.ts";
import { Status } from "../evaluator/status.ts";
import type { EmailNotifierConfig, HttpNotifierConfig } from "./config.ts";
import { parseMail } from "./email.ts";
import { newNotifierModule, type NotifierModule } from "./module.ts";
import { NotificationError } from "./sender.ts";
import type { Notice } from "./template_data.ts";

const NOTICE: Notice = {
  status: { ...notFound("local", "g 1"), status: Status.err },
  incidentId: "id-1",
  startMs: 1_700_000_000_000,
};

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A server that answers with the statuses it is given, one after the other; 0 never answers. */
async function serve(...statuses: number[]): Promise<{ port: number; asked: Asked[] } & AsyncDisposable> {
  const asked: Asked[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk) => chunks.push(chunk)).on("end", () => {
      const body = chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
      asked.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      const status = statuses.shift() ?? 200;
      if (status !== 0) response.writeHead(status).end("thanks");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function httpModule(port: number, over: Partial<HttpNotifierConfig> = {}): NotifierModule {
  const config: HttpNotifierConfig = {
    className: "http",
    intervalMs: 1,
    sendIntervalMs: 1,
    threshold: 2,
    filter: {},
    templateOpen: { path: "open", text: '{"group":{{jsonencoder .Group}},"key":"{{.Extras.Key}}"}' },
    templateClose: { path: "close", text: "closed {{.Id}}" },
    sendClose: true,
    sendOnce: false,
    extras: { Key: "k" },
    urlOpen: `http://127.0.0.1:${port}/open/{{.Cluster}}?id={{.ID}}`,
    urlClose: `http://127.0.0.1:${port}/close`,
    methodOpen: "POST",
    methodClose: "DELETE",
    timeoutMs: 5_000,
    keepaliveMs: 300_000,
    disableHttpKeepalive: false,
    extraCa: "",
    noverify: false,
    username: "",
    password: "",
    headers: {},
    ...over,
  };
  return newNotifierModule({ name: "m", config }, realClock);
}

Deno.test("newHttpSender() posts what the template says to where the template says", async () => {
  await using server = await serve(200, 204);
  const headers = { "X-Token": "t", "content-type": "text/plain" };
  await using module = httpModule(server.port, { username: "me", password: "pä:ss", headers });
  await module.notify(NOTICE, false);
  await module.notify(NOTICE, true);
  const [open, close] = server.asked as [Asked, Asked];
  assert.deepEqual([open.method, open.url, open.body], [
    "POST",
    "/open/local?id=id-1",
    '{"group":"g 1","key":"k"}',
  ]);
  assert.deepEqual([close.method, close.url, close.body], ["DELETE", "/close", "closed id-1"]);
  assert.equal(open.headers["x-token"], "t");
  assert.equal(open.headers["content-type"], "text/plain");
  const [, encoded = ""] = (open.headers.authorization ?? "").split(" ");
  assert.equal(new TextDecoder().decode(Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0))), "me:pä:ss");
});

Deno.test("newHttpSender() says what it is by default, and who it is only where it is told", async () => {
  await using server = await serve();
  await using module = httpModule(server.port, { disableHttpKeepalive: true });
  await module.notify(NOTICE, false);
  assert.equal(server.asked[0]!.headers["content-type"], "application/json");
  assert.equal(server.asked[0]!.headers.authorization, undefined);
});

Deno.test("newHttpSender() fails without a try again, and does not tell the path", async () => {
  await using server = await serve(500, 302, 0);
  await using module = httpModule(server.port, { timeoutMs: 200 });
  await assert.rejects(module.notify(NOTICE, false), (error) => {
    assert.ok(error instanceof NotificationError);
    assert.match(error.message, /^Cannot POST a notification to 127\.0\.0\.1:\d+: it answered 500$/);
    return true;
  });
  assert.equal(server.asked.length, 1);
  await assert.rejects(module.notify(NOTICE, true), NotificationError);
  await assert.rejects(module.notify(NOTICE, true), /no answer within 200 ms/);
  await using nobody = httpModule(1);
  await assert.rejects(
    nobody.notify(NOTICE, false),
    /^NotificationError: Cannot POST a notification to 127\.0\.0\.1:1: /,
  );
});

/** What an SMTP client said, and the mail. */
interface Mailed {
  readonly commands: string[];
  data: string;
}

/** A mail server that speaks as RFC 5321 says, as far as a mail takes it. */
async function serveMail(extensions: readonly string[], refusesRecipient = false) {
  const mailed: Mailed = { commands: [], data: "" };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let rest = "";
    let inData = false;
    let inAuth = false;
    const say = (line: string) => socket.write(`${line}\r\n`);
    say("220 test");
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      rest += new TextDecoder().decode(chunk);
      for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (inData) {
          if (line === ".") {
            inData = false;
            say("250 kept");
          } else mailed.data += `${line}\n`;
          continue;
        }
        mailed.commands.push(line);
        if (inAuth) {
          inAuth = false;
          say("235 welcome");
        } else if (line.startsWith("EHLO")) {
          ["test", ...extensions].forEach((one, i, all) => say(`250${i < all.length - 1 ? "-" : " "}${one}`));
        } else if (line === "AUTH CRAM-MD5") {
          inAuth = true;
          say(`334 ${btoa("<challenge@test>")}`);
        } else if (line.startsWith("AUTH")) say("235 welcome");
        else if (line.startsWith("RCPT") && refusesRecipient) say("550 nobody of that name");
        else if (line === "DATA") {
          inData = true;
          say("354 go on");
        } else if (line === "QUIT") {
          say("221 bye");
          socket.end();
        } else say("250 ok");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    mailed,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function emailModule(port: number, text: string, over: Partial<EmailNotifierConfig> = {}): NotifierModule {
  const config: EmailNotifierConfig = {
    className: "email",
    intervalMs: 1,
    sendIntervalMs: 1,
    threshold: 2,
    filter: {},
    templateOpen: { path: "open", text },
    sendClose: false,
    sendOnce: false,
    extras: {},
    server: "127.0.0.1",
    port,
    from: "limier@example.org",
    to: "a@example.org, b@example.org",
    authType: "",
    username: "",
    password: "",
    extraCa: "",
    noverify: false,
    ...over,
  };
  return newNotifierModule({ name: "m", config }, realClock);
}

Deno.test("newEmailSender() sends what the template says to everybody", async () => {
  await using server = await serveMail([]);
  const text =
    'Subject: {{.Group}} is {{.Result.Status}}\nContent-Type: text/html; charset="UTF-8"\nMIME-version: 1.0;\n\n<p>bad</p>\n';
  await using module = emailModule(server.port, text);
  await module.notify(NOTICE, false);
  const { commands, data } = server.mailed;
  assert.deepEqual(commands.filter((line) => /^(MAIL|RCPT)/.test(line)), [
    "MAIL FROM:<limier@example.org>",
    "RCPT TO:<a@example.org>",
    "RCPT TO:<b@example.org>",
  ]);
  assert.match(data, /^Subject: g 1 is ERR$/m);
  assert.match(data, /^Content-Type: text\/html/m);
  assert.match(data, /<p>bad<\/p>/);
  assert.doesNotMatch(data, /MIME-version: 1\.0;/);
});

for (const [authType, wanted] of [["plain", /^AUTH PLAIN /], ["crammd5", /^AUTH CRAM-MD5$/]] as const) {
  Deno.test(`newEmailSender() shows who it is by ${authType}`, async () => {
    await using server = await serveMail(["AUTH PLAIN CRAM-MD5"]);
    const who = { authType, username: "me", password: "secret-of-me" };
    await using module = emailModule(server.port, "Subject: s\n\nbody", who);
    await module.notify(NOTICE, false);
    assert.ok(server.mailed.commands.some((line) => wanted.test(line)), server.mailed.commands.join("\n"));
    assert.ok(!server.mailed.commands.join().includes("secret-of-me"));
  });
}

Deno.test("newEmailSender() says why a mail was not sent", async () => {
  await using server = await serveMail([], true);
  await using module = emailModule(server.port, "Subject: s\n\nbody");
  await assert.rejects(module.notify(NOTICE, false), /Cannot send mail by 127\.0\.0\.1:\d+: .*550 nobody of that name/);
  await using without = emailModule(server.port, "no subject");
  await assert.rejects(without.notify(NOTICE, false), /does not begin with "Subject: "/);
});

Deno.test("parseMail() takes out the lines that are headers", () => {
  assert.deepEqual(parseMail("Subject: one\nline\nSubject: two\nContent-Type: text/html;\nend"), {
    subject: "one",
    contentType: "text/html",
    body: "line\nSubject: two\nend",
  });
  assert.equal(parseMail("Subject: s\r\nb").body, "b");
  assert.throws(() => parseMail("\nSubject: s"), NotificationError);
});
