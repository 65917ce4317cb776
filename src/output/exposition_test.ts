import assert from "node:assert/strict";
import type { Point } from "../metric/mod.ts";
import { Exposition, labelName, metricName } from "./exposition.ts";

function gauge(name: string, value: number, tags: string[] = [], host = "web1"): Point {
  return { name, type: "gauge", value, timestamp: 7, tags, host };
}

function rate(name: string, total: number, tags: string[] = [], host = "web1"): Point {
  return { name, type: "rate", value: total / 10, timestamp: 7, tags, host, interval: 10, total };
}

Deno.test("Exposition sums counters and keeps the last gauge", () => {
  const page = new Exposition();
  page.accept([rate("page.views", 11, ["env:prod"]), gauge("temp", 21.5), rate("lat.count", 3)], 1);
  page.accept([rate("page.views", 4, ["env:prod"]), gauge("temp", -3), rate("page.views", 1, ["env:dev"])], 2);
  assert.equal(
    page.text(),
    "# TYPE lat_count counter\n" +
      'lat_count{host="web1"} 3\n' +
      "# TYPE page_views counter\n" +
      'page_views{env="prod",host="web1"} 15\n' +
      'page_views{env="dev",host="web1"} 1\n' +
      "# TYPE temp gauge\n" +
      'temp{host="web1"} -3\n',
  );
});

Deno.test("Exposition is an empty page before the first flush", () => assert.equal(new Exposition().text(), ""));

Deno.test("Exposition takes the exact total of a rate, and value times interval without one", () => {
  const page = new Exposition();
  page.accept([rate("a", 0.3)], 1);
  page.accept([{ name: "b", type: "rate", value: 1.5, timestamp: 7, tags: [], interval: 10 }], 1);
  page.accept([{ name: "c", type: "count", value: 9, timestamp: 7, tags: [], interval: 10 }], 1);
  assert.match(page.text(), /^a\{host="web1"\} 0\.3$/m);
  assert.match(page.text(), /^b 15$/m);
  assert.match(page.text(), /^c 9$/m);
});

const labels: [tags: string[], host: string, text: string][] = [
  [[], "", ""],
  [["bare", "k:v"], "", '{k="v"}'],
  [["a:1", "a:2"], "h", '{a="2",host="h"}'],
  [["a-b:1", "a.b:2"], "", '{a_b="2"}'],
  [["9x:1", "é:2", ":3"], "", '{_="2",_9x="1"}'],
  [["a:b:c"], "", '{a="b:c"}'],
  [["a:"], "", ""],
  [['a:q"b\\c\nd'], "", '{a="q\\"b\\\\c\\nd"}'],
  [["host:db1"], "web1", '{host="db1"}'],
  [["host:"], "web1", ""],
  [["__name__:evil", "veneursinkonly:x"], "", ""],
];
for (const [tags, host, text] of labels) {
  Deno.test(`Exposition labels [${tags.map((tag) => JSON.stringify(tag))}] of host "${host}"`, () => {
    const page = new Exposition();
    page.accept([gauge("m", 1, tags, host)], 1);
    assert.equal(page.text(), `# TYPE m gauge\nm${text} 1\n`);
  });
}

const names: [name: string, metric: string, label: string][] = [
  ["page.views", "page_views", "page_views"],
  ["a:b", "a:b", "a_b"],
  ["5xx", "_5xx", "_5xx"],
  ["größe 🐕", "gr__e__", "gr__e__"],
  ["", "_", "_"],
];
for (const [name, metric, label] of names) {
  Deno.test(`metricName() and labelName() of "${name}"`, () => {
    assert.equal(metricName(name), metric);
    assert.equal(labelName(name), label);
  });
}

Deno.test("Exposition leaves a name to its first kind and counts the other", () => {
  const page = new Exposition();
  page.accept([rate("a.b", 2), gauge("a_b", 9), gauge("a.b", 9)], 1);
  assert.equal(page.text(), '# TYPE a_b counter\na_b{host="web1"} 2\n');
  assert.equal(page.conflicts, 2);
});

Deno.test("Exposition forgets a series that five flushes left out, and frees its name", () => {
  const page = new Exposition();
  page.accept([rate("a", 2), gauge("b", 1)], 1);
  for (let flush = 2; flush <= 5; flush++) page.accept([gauge("b", flush)], flush);
  assert.match(page.text(), /^a\{/m);
  page.accept([gauge("b", 6)], 6);
  assert.equal(page.text(), '# TYPE b gauge\nb{host="web1"} 6\n');
  assert.equal(page.size, 1);
  page.accept([gauge("a", 7)], 6);
  assert.match(page.text(), /^# TYPE a gauge$/m);
  assert.equal(page.conflicts, 0);
});

Deno.test("Exposition.text() leaves out what is too old by a later flush", () => {
  const page = new Exposition();
  page.accept([gauge("a", 1)], 1);
  assert.notEqual(page.text(5), "");
  assert.equal(page.text(6), "");
});

Deno.test("Exposition keeps a bounded number of series", () => {
  const page = new Exposition({ maxSeries: 2 });
  page.accept([gauge("a", 1), gauge("b", 1), gauge("c", 1), gauge("a", 2)], 1);
  assert.equal(page.text(), '# TYPE a gauge\na{host="web1"} 2\n# TYPE b gauge\nb{host="web1"} 1\n');
  assert.deepEqual([page.size, page.refused], [2, 1]);
});
