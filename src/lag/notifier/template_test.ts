import assert from "node:assert/strict";
import type { GroupStatus, PartitionStatus } from "../evaluator/group.ts";
import { Status } from "../evaluator/status.ts";
import { GoTime } from "./go_time.ts";
import { compileTemplate } from "./template.ts";
import { type Notice, templateData } from "./template_data.ts";
import { TemplateError } from "./template_parse.ts";

function partition(over: Partial<PartitionStatus>): PartitionStatus {
  const entry = {
    offset: 50,
    order: 9,
    timestamp: 1_700_000_240_000,
    observedAt: 1_700_000_240_500,
    lag: 9,
    fresh: true,
  };
  return {
    topic: "t1",
    partition: 0,
    owner: "/10.0.0.9",
    clientId: "c-1",
    status: Status.stop,
    start: { ...entry, offset: 10, lag: null },
    end: entry,
    currentLag: 10,
    complete: Math.fround(0.7),
    lag: { seconds: 3, source: "record" },
    lost: 0,
    ...over,
  };
}

const first = partition({});
const second = partition({ topic: "t2", partition: 3, status: Status.warn, currentLag: 2n ** 60n, end: null });
const STATUS: GroupStatus = {
  cluster: "local",
  group: 'g"1',
  status: Status.err,
  complete: 1,
  partitions: [first, second],
  partitionCount: 3,
  maxLag: first,
  totalLag: 12,
  maxLagSeconds: 3,
};
const NOTICE: Notice = { status: STATUS, incidentId: "0af1", startMs: Date.UTC(2024, 2, 5, 4, 6, 7, 80) };
const DATA = templateData(NOTICE, { api_key: "k1", Severity: "high" });

const rendered: [template: string, text: string][] = [
  ["plain {text}", "plain {text}"],
  ["{{.Cluster}}/{{.Group}} {{.ID}} {{.Id}}", 'local/g"1 0af1 0af1'],
  ['{{.Result.Status}} {{.Result.Status.String}} {{printf "%d" .Result.Status}}', "ERR ERR 3"],
  ["{{if eq .Result.Status 3}}bad{{else}}good{{end}}", "bad"],
  ["{{if eq .Result.Status 1}}a{{else if eq .Result.Status 2 3}}b{{else}}c{{end}}", "b"],
  ['{{.Extras.api_key}} {{index .Extras "Severity"}} {{.Extras.severity}} [{{index .Extras "no"}}]', "k1 high high []"],
  ["{{.Extras.no}}", "<no value>"],
  ["{{range .Result.Partitions}}{{.Topic}}:{{.Partition}} {{end}}", "t1:0 t2:3 "],
  ["{{range $i, $p := .Result.Partitions}}{{if $i}}, {{end}}{{$p.Status}}{{end}}", "STOP, WARN"],
  ["{{range .Result.Partitions}}{{if .End}}{{.End.Offset}} {{.End.Lag}}{{else}}none{{end}} {{end}}", "50 9 none "],
  ["[{{.Result.Maxlag.Start.Lag}}]", "[]"],
  ["{{with .Result.Maxlag}}{{.Topic}} {{$.Group}}{{end}}", 't1 g"1'],
  ["{{len .Result.Partitions}} {{len .Group}} {{.Result.TotalPartitions}}", "2 3 3"],
  ["{{.Result.Complete}} {{.Result.Maxlag.Complete}}", "1 0.7"],
  ["{{(index .Result.Partitions 1).CurrentLag}}", "1152921504606846976"],
  ["{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"],
  ["a {{- 1 -}} b", "a1b"],
  ["a{{/* nothing }} here */}}b", "ab"],
  ["{{- /* trimmed */ -}}  c", "c"],
  ['{{"a b" | printf "%s-%s" "x" | printf "%q"}}', '"x-a b"'],
  ["{{`raw`}} {{'a'}} {{\"\\u00e9\\n\"}}", "raw 97 é\n"],
  ['{{and true 0}} {{or "" "b"}} {{not 1}} {{and true "x"}}', "0 b false x"],
  ["{{and .Result.Maxlag (gt .Result.Maxlag.CurrentLag 5)}}", "true"],
  ['{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 1 2}}{{ne 1 2}}{{lt "a" "b"}}', "truetruefalsefalsetruetrue"],
  ["{{add 1 2}} {{minus 1 2}} {{multiply 3 4}} {{divide 7 2}} {{divide -7 2}}", "3 -1 12 3 -3"],
  ["{{maxlag .Result.Maxlag}} {{maxlag nil}}", "10 0"],
  ["{{range $s, $t := topicsbystatus .Result.Partitions}}{{$s}}={{$t}};{{end}}", "STOP=[t1];WARN=[t2];"],
  ["{{with partitioncounts .Result.Partitions}}{{.stop}}{{.warn}}{{.stall}}{{.rewind}}{{.unknown}}{{end}}", "11000"],
  ['{{formattimestamp 1700000240123 "2006-01-02T15:04:05.000Z07:00"}}', "2023-11-14T22:17:20.123Z"],
  ["{{range .Extras}}{{.}} {{else}}none{{end}}", "high k1 high "],
  ['{{range .Result.Partitions}}{{if eq .Topic "t2"}}{{break}}{{end}}{{.Topic}}{{end}}', "t1"],
  ['{{range .Result.Partitions}}{{if eq .Topic "t1"}}{{continue}}{{end}}{{.Topic}}{{end}}', "t2"],
  ["{{jsonencoder .Group}} {{jsonencoder .Result.Status}} {{jsonencoder nil}}", '"g\\"1" "ERR" null'],
  ['{{printf "%05.2f|%-4s|%4d|%x|%v|%%" 3.14159 "ab" 7 255 true}}', "03.14|ab  |   7|ff|true|%"],
];

for (const [template, text] of rendered) {
  Deno.test(`compileTemplate() renders ${template}`, () => {
    assert.equal(compileTemplate("t", template).render(DATA), text);
  });
}

Deno.test("compileTemplate() writes partitions as the pages do", () => {
  const json = JSON.parse(compileTemplate("t", "{{jsonencoder .Result.Maxlag}}").render(DATA));
  assert.equal(json.current_lag, 10);
  assert.deepEqual([json.client_id, json.status, json.complete, json.end.observedAt], [
    "c-1",
    "STOP",
    0.7,
    1_700_000_240_500,
  ]);
  const all = compileTemplate("t", "{{jsonencoder .Result}}").render(DATA);
  assert.match(all, /"totallag":12,/);
  assert.match(all, /"current_lag":1152921504606846976,/);
});

Deno.test("compileTemplate() shows when an incident began", () => {
  const data = templateData(NOTICE, {});
  const at = new GoTime(NOTICE.startMs);
  assert.equal(
    compileTemplate("t", '{{.Start.Format "Jan 02, 2006 15:04:05 MST"}}').render(data),
    at.format("Jan 02, 2006 15:04:05 MST"),
  );
  const none = templateData({ ...NOTICE, incidentId: "", startMs: null }, {});
  assert.equal(
    compileTemplate("t", '[{{.Id}}] {{.Start.Format "2006-01-02T15:04:05Z07:00"}}').render(none),
    "[] 0001-01-01T00:00:00Z",
  );
});

const refused: [template: string, message: RegExp][] = [
  ["{{", /an action does not end/],
  ["{{.A", /an action does not end/],
  ["{{if true}}", /\{\{if\}\} has no \{\{end\}\}/],
  ["{{if true}}{{else}}", /no \{\{end\}\} behind its \{\{else\}\}/],
  ["{{end}}", /\{\{end\}\} ends nothing/],
  ["{{nosuch .}}", /there is no function nosuch/],
  ["{{$x}}", /there is no variable \$x/],
  ["{{if}}{{end}}", /a value is missing/],
  ["{{(1}}", /\) is missing/],
  ["{{1 2)}}", /\) is too much/],
  ['{{template "x"}}', /\{\{template\}\} is not known/],
  ["{{break}}", /outside of a range/],
  ["a\nb{{.A ? 1}}", /t, line 2: .*can't be read/],
];

for (const [template, message] of refused) {
  Deno.test(`compileTemplate() refuses ${template}`, () => {
    assert.throws(
      () => compileTemplate("t", template),
      (error) => error instanceof TemplateError && message.test(error.message),
    );
  });
}

const failing: [template: string, message: RegExp][] = [
  ["{{.Nosuch}}", /there is no field Nosuch/],
  ["{{.Result.Maxlag.End.Nosuch}}", /there is no field Nosuch/],
  ["{{(index .Result.Partitions 1).End.Offset}}", /there is no Offset of nothing/],
  ["{{index .Result.Partitions 2}}", /there is no element 2/],
  ["{{divide 1 0}}", /division by zero/],
  ['{{lt 1 "a"}}', /is no number/],
  ['{{eq 1 "a"}}', /can't be compared/],
  ["{{.Group 1}}", /arguments for what is no function/],
];

for (const [template, message] of failing) {
  Deno.test(`Template.render() fails on ${template}`, () => {
    const compiled = compileTemplate("t", template);
    assert.throws(
      () => compiled.render(DATA),
      (error) => error instanceof TemplateError && message.test(error.message),
    );
  });
}

Deno.test("compileTemplate() without helpers has Go's own functions alone", () => {
  assert.throws(() => compileTemplate("url", "{{jsonencoder .}}", false), /no function jsonencoder/);
  assert.equal(
    compileTemplate("url", 'http://h/{{urlquery .Cluster}}?{{printf "%s" .ID}}', false).render(DATA),
    "http://h/local?0af1",
  );
});
