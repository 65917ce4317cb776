import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import type { LogLevel } from "../telemetry/mod.ts";
import { openReports } from "./reports.ts";

Deno.test("openReports() logs as JSON where it is told to, secrets left out, from the level of the moment on", async () => {
  const lines: string[] = [];
  let level: LogLevel = "warn";
  const { reporter, redactor, flush } = openReports({
    sentry: undefined,
    serverName: "web1",
    level: () => level,
    write: (line) => void lines.push(line),
    clock: new FakeClock(1_700_000_000_000),
  });
  redactor.add("s3cr3t-s3cr3t");
  reporter.info("not yet");
  level = "info";
  reporter.info("the key is s3cr3t-s3cr3t");
  await flush(); // without Sentry there is nothing to wait for
  const [{ message, time }, ...more] = lines.map((line) => JSON.parse(line));
  assert.deepEqual([time, more], ["2023-11-14T22:13:20.000Z", []]);
  assert.match(message, /^the key is /);
  assert.doesNotMatch(message, /s3cr3t/);
});

Deno.test("openReports() counts what Sentry hears in the metrics of its reporter", () => {
  const { reporter } = openReports({
    sentry: undefined,
    serverName: "web1",
    level: "error",
    write: () => {},
    clock: new FakeClock(),
  });
  assert.match(reporter.metrics.text(), /^# TYPE limier_sentry_reports_total counter$/m);
});

const uncaught: [what: string, code: string][] = [
  ["an error", `setTimeout(() => { throw new RangeError("it broke"); })`],
  ["a rejection", `Promise.reject(new RangeError("it broke"))`],
];
for (const [what, code] of uncaught) {
  Deno.test(`crashOnUncaught() ends the process with 1 by ${what}, and says why`, async () => {
    const source = `
      import { crashOnUncaught, openReports } from ${JSON.stringify(import.meta.resolve("./reports.ts"))};
      import { realClock } from ${JSON.stringify(import.meta.resolve("../clock/mod.ts"))};
      crashOnUncaught(openReports({ sentry: undefined, serverName: "", level: "info", clock: realClock }));
      setTimeout(() => Deno.exit(0), 60_000);
      ${code};`;
    const args = ["run", "-A", "--no-check", `data:application/typescript,${encodeURIComponent(source)}`];
    const { code: exit, stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null" }).output();
    assert.equal(exit, 1);
    assert.match(new TextDecoder().decode(stderr), /"Cannot go on after an uncaught error".*it broke/);
  });
}
