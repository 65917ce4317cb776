import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import { newReporter, type ReporterOptions } from "./log.ts";
import { newRedactor } from "./redactor.ts";
import type { Fields, LogLevel } from "./reporter.ts";
import type { SentryReport } from "./sentry.ts";

/** 2024-02-29T12:00:00.007Z */
const NOW_MS = 1_709_208_000_007;

function linesOf(options: Partial<ReporterOptions>) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const reporter = newReporter({ level: "debug", format: "text", write, clock: new FakeClock(NOW_MS), ...options });
  return { reporter, lines };
}

const cyclic: Record<string, unknown> = { a: 1 };
cyclic.self = cyclic;

const texts: [fields: Fields, text: string][] = [
  [{}, ""],
  [{ port: 8125, address: "127.0.0.1:8125" }, " port=8125 address=127.0.0.1:8125"],
  [{ path: "/a b" }, ' path="/a b"'],
  [{ empty: "" }, ' empty=""'],
  [{ equals: "a=b", quote: 'a"b' }, ' equals="a=b" quote="a\\"b"'],
  [{ packet: "a:1|c\nfake" }, ' packet="a:1|c\\nfake"'],
  [{ escape: "\x1b[31m\x9b" }, ' escape="\\u001b[31m\\u009b"'],
  [{ hidden: "a\u202eb" }, ' hidden="a\\u202eb"'],
  [{ missing: undefined, none: null, yes: true }, " none=null yes=true"],
  [{ big: 18446744073709551615n, nan: NaN }, " big=18446744073709551615 nan=NaN"],
  [{ list: [1, 2] }, " list=[1,2]"],
  [{ tags: ["a"] }, ' tags="[\\"a\\"]"'],
  [{ bytes: new TextEncoder().encode("page:1|c") }, " bytes=page:1|c"],
  [{ url: new URL("http://h/p") }, " url=http://h/p"],
  [{ when: new Date(0) }, " when=1970-01-01T00:00:00.000Z"],
  [{ cyclic }, ' cyclic="{\\"a\\":1,\\"self\\":\\"…\\"}"'],
  [{ map: new Map([["k", new Set([1])]]) }, ' map="{\\"k\\":[1]}"'],
  [{ error: new Error("Cannot bind", { cause: new Error("in use") }) }, ' error="Cannot bind: in use"'],
  [{ error: new Error("Cannot bind: in use", { cause: new Error("in use") }) }, ' error="Cannot bind: in use"'],
  [{ error: new AggregateError([new Error("a"), "b"], "Both failed") }, ' error="Both failed: a; b"'],
  [{ error: new TypeError() }, " error=TypeError"],
  [{ error: new Error("outer", { cause: 7 }) }, ' error="outer: 7"'],
];
for (const [fields, text] of texts) {
  Deno.test(`newReporter() writes${text || " no fields"} as text`, () => {
    const { reporter, lines } = linesOf({});
    reporter.info("Listening", fields);
    assert.deepEqual(lines, [`2024-02-29T12:00:00.007Z INFO  Listening${text}\n`]);
  });
}

Deno.test("newReporter() keeps a message on one line", () => {
  const { reporter, lines } = linesOf({});
  reporter.warn("a\nERROR b\r\x1b[0m");
  assert.deepEqual(lines, ["2024-02-29T12:00:00.007Z WARN  a\\u000aERROR b\\u000d\\u001b[0m\n"]);
});

Deno.test("newReporter() writes JSON lines, in which no field hides time, level or message", () => {
  const { reporter, lines } = linesOf({ format: "json", fields: { source: "statsd" } });
  reporter.error("Cannot bind\n", { error: new Error("in use"), message: "m", list: [{ a: 1n }], gone: undefined });
  assert.equal(lines.length, 1);
  assert.ok(lines[0]!.endsWith("}\n"));
  assert.deepEqual(JSON.parse(lines[0]!), {
    time: "2024-02-29T12:00:00.007Z",
    level: "error",
    message: "Cannot bind\n",
    source: "statsd",
    error: "in use",
    field_message: "m",
    list: [{ a: "1" }],
  });
});

const leasts: [least: LogLevel, written: string][] = [
  ["debug", "debug info warn error"],
  ["info", "info warn error"],
  ["warn", "warn error"],
  ["error", "error"],
];
for (const [least, written] of leasts) {
  Deno.test(`newReporter() at ${least} writes ${written}`, () => {
    const { reporter, lines } = linesOf({ level: least, format: "json" });
    for (const level of ["debug", "info", "warn", "error"] as const) reporter[level]("x");
    assert.equal(lines.map((line) => JSON.parse(line).level).join(" "), written);
  });
}

for (const format of ["text", "json"] as const) {
  Deno.test(`newReporter() lets no secret out as ${format}`, () => {
    const redactor = newRedactor();
    const secret = 'k3y/with "quotes"';
    redactor.add(secret);
    redactor.add("12345678");
    const { reporter, lines } = linesOf({ format, redactor, fields: { start: secret } });
    reporter.info(`key ${secret}`, {
      plain: secret,
      url: `https://h/?api_key=${encodeURIComponent(secret)}`,
      nested: [{ deep: { [secret]: `x${secret}y` } }],
      error: new Error("outer", { cause: new Error(`POST with ${secret} failed`) }),
      json: JSON.stringify({ key: secret }),
      number: 12345678,
      bytes: new TextEncoder().encode(secret),
      [secret]: 1,
    });
    const line = lines.join("");
    assert.doesNotMatch(line, /k3y|quotes|12345678/);
    assert.ok(line.split("REDACTED").length - 1 >= 9, line);
    if (format === "json") JSON.parse(line);
  });
}

Deno.test("newReporter() outlives a sink and fields that throw", () => {
  const write = () => {
    throw new Error("broken pipe");
  };
  const { reporter } = linesOf({ write });
  reporter.info("x");
  const { reporter: other, lines } = linesOf({});
  other.info("x", {
    odd: {
      get trap() {
        throw new Error("no");
      },
    },
  });
  other.info("next");
  assert.match(lines.join(""), /INFO {2}next\n$/);
});

Deno.test("newReporter() hands errors alone to Sentry, whatever is written", () => {
  const reports: SentryReport[] = [];
  const sentry = { capture: (report: SentryReport) => void reports.push(report), flush: () => Promise.resolve(true) };
  const { reporter, lines } = linesOf({ sentry });
  const error = new Error("in use");
  reporter.warn("Cannot post", { error });
  reporter.error("Cannot bind", { error, port: 1 });
  reporter.error("Lost a worker");
  assert.equal(lines.length, 3);
  assert.deepEqual(reports, [
    { level: "error", message: "Cannot bind", error, extra: { port: 1 } },
    { level: "error", message: "Lost a worker", extra: {} },
  ]);
});
