import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { ConfigError, Section } from "../../config/mod.ts";
import { OutputEncoder } from "../encode.ts";
import { batchOf, forever, outputConfig, testDeps } from "../testing.ts";
import { file, type FileConfig } from "./file.ts";

const point = {
  name: "lat.max",
  type: "gauge",
  value: 100,
  timestamp: 1_700_000_010,
  tags: ["dc:eu"],
  host: "web1",
} as const;

async function withFile(settings: object, use: (own: FileConfig) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(file.readConfig(Section.of({ path: `${directory}/out`, hostname: "agg1", ...settings })));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function clientOf(own: FileConfig) {
  return file.newClient("", outputConfig({ name: "lines" }), own, testDeps());
}

Deno.test("file appends JSON lines, also behind a rotation", () =>
  withFile({}, async (own) => {
    const client = clientOf(own);
    await client.connect(0);
    assert.deepEqual(await client.publish(batchOf("points", '{"a":1}', '{"b":2}'), forever), { remaining: null });
    await client.publish(batchOf("events", '{"c":3}'), forever);
    assert.equal(await Deno.readTextFile(own.path), '{"a":1}\n{"b":2}\n{"c":3}\n');
    await Deno.rename(own.path, `${own.path}.1`);
    await client.publish(batchOf("points", "4"), forever);
    assert.equal(await Deno.readTextFile(own.path), "4\n");
    await client.close();
  }));

Deno.test("file writes rows as one gzip member a batch", () =>
  withFile({ format: "tsv", compress: "gzip" }, async (own) => {
    const encoder = new OutputEncoder(outputConfig(), file.newEncoder(own));
    const [batch] = encoder.points([point, { ...point, name: "b" }], point.timestamp);
    const client = clientOf(own);
    await client.publish(batch!, forever);
    const first = (await Deno.stat(own.path)).size;
    await client.publish(batch!, forever);
    const bytes = await Deno.readFile(own.path);
    const rows = "lat.max\t{dc:eu}\tgauge\tweb1\tagg1\t\t0\t2023-11-14 22:13:30\t100\t20231114\n" +
      "b\t{dc:eu}\tgauge\tweb1\tagg1\t\t0\t2023-11-14 22:13:30\t100\t20231114\n";
    assert.equal(gunzipSync(bytes.subarray(0, first)).toString(), rows);
    assert.equal(gunzipSync(bytes).toString(), rows + rows);
  }));

Deno.test("file begins a new file when the old one is full, and never cuts a batch", () =>
  withFile({ rotate: { max_bytes: "8B", keep: 2 } }, async (own) => {
    const client = clientOf(own);
    const events = ["1", "22", "333", "4444444444", "5", "66"];
    for (const event of events) assert.equal((await client.publish(batchOf("points", event), forever)).remaining, null);
    const texts = await Promise.all(["", ".1", ".2"].map((suffix) => Deno.readTextFile(own.path + suffix)));
    assert.deepEqual(texts, ["5\n66\n", "4444444444\n", "333\n"]);
    await assert.rejects(Deno.stat(`${own.path}.3`), Deno.errors.NotFound);
  }));

Deno.test("file keeps every gzip member whole through a rotation", () =>
  withFile({ compress: "gzip", rotate: { max_bytes: "60B" } }, async (own) => {
    const client = clientOf(own);
    for (const event of ["one", "two", "three"]) await client.publish(batchOf("points", event), forever);
    const rows: string[] = [];
    for (const suffix of [".1", ""]) rows.push(gunzipSync(await Deno.readFile(own.path + suffix)).toString());
    assert.equal(rows.join(""), "one\ntwo\nthree\n");
  }));

Deno.test("file asks for another try where it can't rotate", () =>
  withFile({ rotate: { max_bytes: "1B", keep: 1 } }, async (own) => {
    await Deno.mkdir(`${own.path}.1/full`, { recursive: true });
    const client = clientOf(own);
    await client.publish(batchOf("points", "1"), forever);
    const batch = batchOf("points", "2");
    const { remaining, error } = await client.publish(batch, forever);
    assert.equal(remaining, batch);
    assert.equal(error?.failure, "retry");
  }));

Deno.test("file leaves its mode to the umask", () =>
  withFile({}, async (own) => {
    const before = Deno.umask(0o027);
    try {
      await clientOf(own).publish(batchOf("points", "1"), forever);
    } finally {
      Deno.umask(before);
    }
    assert.equal((await Deno.stat(own.path)).mode! & 0o777, 0o640);
  }));

Deno.test("file writes nothing for an empty batch", () =>
  withFile({ compress: "gzip" }, async (own) => {
    assert.deepEqual(await clientOf(own).publish(batchOf("points"), forever), { remaining: null });
    await assert.rejects(Deno.stat(own.path), Deno.errors.NotFound);
  }));

Deno.test("file asks for another try after a disk error", () =>
  withFile({ path: "/nonexistent/out" }, async (own) => {
    const batch = batchOf("points", "1");
    const { remaining, error } = await clientOf(own).publish(batch, forever);
    assert.equal(remaining, batch);
    assert.equal(error?.failure, "retry");
    assert.match(error!.message, /^Cannot write to \/nonexistent\/out for output lines: /);
  }));

Deno.test(
  "file takes a full disk for a disk error",
  { ignore: Deno.build.os !== "linux" },
  () =>
    withFile({ path: "/dev/full" }, async (own) => {
      assert.equal((await clientOf(own).publish(batchOf("points", "1"), forever)).error?.failure, "retry");
    }),
);

const refused: [settings: object, message: RegExp][] = [
  [{}, /path/],
  [{ path: "" }, /path/],
  [{ path: "p", format: "csv" }, /format.*json or tsv/],
  [{ path: "p", compress: "zstd" }, /compress/],
  [{ path: "p", delimiter: "" }, /delimiter/],
  [{ path: "p", delimiter: "::" }, /delimiter/],
  [{ path: "p", delimiter: '"' }, /delimiter/],
  [{ path: "p", tsv_columns: "v2" }, /tsv_columns/],
  [{ path: "p", rotate: {} }, /rotate\.max_bytes/],
  [{ path: "p", rotate: { max_bytes: "0" } }, /rotate\.max_bytes/],
  [{ path: "p", rotate: { max_bytes: "1MiB", keep: 0 } }, /rotate\.keep/],
  [{ path: "p", rotate: { max_bytes: "1MiB", max_age: "1d" } }, /rotate\.max_age/],
  [{ path: "p", rotate: "1MiB" }, /rotate/],
  [{ path: "p", format: "tsv", sends: ["points", "events"] }, /sends.*only format json/],
];
for (const [settings, message] of refused) {
  Deno.test(`file.readConfig() refuses ${JSON.stringify(settings)}`, () => {
    assert.throws(
      () => file.readConfig(Section.of(settings)),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}

Deno.test("file.readConfig() has defaults", () => {
  assert.deepEqual(file.readConfig(Section.of({ path: "p" })), {
    path: "p",
    format: "json",
    compress: "none",
    delimiter: "\t",
    tsvColumns: "v1",
    hostname: Deno.hostname(),
    rotate: null,
  });
  assert.deepEqual(file.readConfig(Section.of({ path: "p", rotate: { max_bytes: "1KiB" } })).rotate, {
    max_bytes: 1024,
    keep: 5,
  });
});
