import assert from "node:assert/strict";
import { isWireError } from "../wire_error.ts";
import { type Exposition, type ExpositionOptions, parseExposition } from "./exposition_wire.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function read(text: string, options?: ExpositionOptions): Exposition {
  const page = parseExposition(bytes(text), options);
  assert.ok(!isWireError(page), isWireError(page) ? page.message : "");
  return page;
}

/** A sample in one line: `family type part bound {labels} value`. */
function shown({ samples }: Exposition): string[] {
  return samples.map(({ family, type, part, bound, labels, value }) =>
    [family, type, part, bound, labels.map((pair) => pair.join("=")).join(";"), value].filter((one) =>
      one !== undefined && one !== ""
    ).join(" ")
  );
}

const pages: [what: string, text: string, samples: string[], options?: ExpositionOptions][] = [
  ["nothing", "", []],
  ["blank lines and comments", "\n  \n# a word\n#HELP\n# HELP a b\n", []],
  ["a sample alone", "a 1", ["a unknown value 1"]],
  ["a sample behind blanks", " \t a\t 1 \n", ["a unknown value 1"]],
  ["line ends with CR", "# TYPE a gauge\r\na 1\r\n", ["a gauge value 1"]],
  ["timestamps, which are passed over", "a 1 1395066363000\na -2 -3982045\n", [
    "a unknown value 1",
    "a unknown value -2",
  ]],
  ["labels", 'a{b="c",d="e f"} 1\n', ["a unknown value b=c;d=e f 1"]],
  ["labels with blanks and a comma behind", 'a { b = "c" , } 1\n', ["a unknown value b=c 1"]],
  ["no labels in braces", "a{} 1\n", ["a unknown value 1"]],
  ["escapes", 'a{b="\\\\ \\" \\n \\x",c="{}, #"} 1\n', ['a unknown value b=\\ " \n \\x;c={}, # 1']],
  ["empty values, which are no labels", 'a{b="",c="d"} 1\n', ["a unknown value c=d 1"]],
  ["names with colons", "job:a:sum5m 1\n", ["job:a:sum5m unknown value 1"]],
  ["names in quotes", '{"a.b",c="d"} 1\n{"a.b"} 2\n', ["a.b unknown value c=d 1", "a.b unknown value 2"]],
  ["labels in quotes", 'a{"b.c"="d"} 1\n', ["a unknown value b.c=d 1"]],
  ["a type of a name in quotes", '# TYPE "a.b" counter\n{"a.b"} 1\n', ["a.b counter value 1"]],
  ["a counter", "# HELP a b\n# TYPE a counter\na 1027\n", ["a counter value 1027"]],
  ["untyped", "# TYPE a untyped\na 1\n", ["a unknown value 1"]],
  ["a counter of OpenMetrics", "# TYPE a counter\n# UNIT a seconds\na_total 17.0\na_created 1520430000.123\n# EOF\n", [
    "a_total counter value 17",
    "a counter created 1520430000.123",
  ], { openMetrics: true }],
  ["exemplars", '# TYPE a counter\na_total{b="c"} 1 # {trace_id="KOO5S4vxi0o"} 0.67\na_total 2 5 # {} 1 2\n', [
    "a_total counter value b=c 1",
    "a_total counter value 2",
  ]],
  ["a histogram", '# TYPE h histogram\nh_bucket{le="0.5"} 1\nh_bucket{x="y",le="+Inf"} 2\nh_sum 3.5\nh_count 2\n', [
    "h histogram bucket 0.5 1",
    "h histogram bucket Infinity x=y 2",
    "h histogram sum 3.5",
    "h histogram count 2",
  ]],
  ["a histogram of gauges", '# TYPE h gaugehistogram\nh_bucket{le="1"} 1\nh_gsum 3\nh_gcount 2\nh_sum 9\n', [
    "h gaugehistogram bucket 1 1",
    "h gaugehistogram sum 3",
    "h gaugehistogram count 2",
    "h_sum unknown value 9",
  ]],
  ["a summary", '# TYPE s summary\ns{quantile="0.99"} 76656\ns{quantile="0.5",a="b"} NaN\ns_sum 1e3\ns_count 3\n', [
    "s summary quantile 0.99 76656",
    "s summary quantile 0.5 a=b NaN",
    "s summary sum 1000",
    "s summary count 3",
  ]],
  ["info and stateset", '# TYPE i info\ni_info{v="1"} 1\n# TYPE f stateset\nf{f="on"} 1\n', [
    "i_info info value v=1 1",
    "f stateset value f=on 1",
  ]],
  // Names that end as if they belonged to a family, and are one of their own.
  ["a gauge that ends in _count", "# TYPE a gauge\na_count 1\n# TYPE b_sum gauge\nb_sum 2\n", [
    "a_count unknown value 1",
    "b_sum gauge value 2",
  ]],
  ["a gauge beside a counter", "# TYPE a counter\na 1\n# TYPE a_created gauge\na_created 2\n", [
    "a counter value 1",
    "a_created gauge value 2",
  ]],
  ["a type that comes late", "h_count 1\n# TYPE h histogram\nh_count 2\n", [
    "h_count unknown value 1",
    "h histogram count 2",
  ]],
  ["labels called like parts of objects", 'a{__proto__="1",constructor="2"} 1\n', [
    "a unknown value __proto__=1;constructor=2 1",
  ]],
  ["text behind the end", "a 1\n# EOF\nb{ 1\n", ["a unknown value 1"], { openMetrics: true }],
  ["the end, where it is a comment", "a 1\n# EOF\nb 2\n", ["a unknown value 1", "b unknown value 2"]],
];
for (const [what, text, samples, options] of pages) {
  Deno.test(`parseExposition() reads ${what}`, () => assert.deepEqual(shown(read(text, options)), samples));
}

const numbers: [text: string, value: number][] = [
  ["0", 0],
  ["-0.5", -0.5],
  ["+7.", 7],
  [".5e-3", 0.0005],
  ["1e+10", 1e10],
  ["9007199254740993", 9007199254740992],
  ["NaN", NaN],
  ["nan", NaN],
  ["Inf", Infinity],
  ["+Inf", Infinity],
  ["-inf", -Infinity],
];
for (const [text, value] of numbers) {
  Deno.test(`parseExposition() reads the value ${text}`, () =>
    assert.equal(read(`a ${text}`).samples[0]!.value, value));
}

const refused: [what: string, text: string, message: RegExp][] = [
  ["no value", "a\n", /line 1 .* "a" is no number/],
  ["no value behind labels", 'ok 1\na{b="c"}\n', /line 2 /],
  ["a word for a value", "a b\n", /is no number/],
  ["a hexadecimal value", "a 0x1p4\n", /is no number/],
  ["two values", "a 1 2 3\n", /more behind the value of "a"/],
  ["a word behind the value", "a 1 b\n", /more behind the value/],
  ["no name", '{b="c"} 1\n', /no name/],
  ["a name that is none", "ä 1\n", /no name/],
  ["a minus in a name", "a-b 1\n", /is no number/],
  ["labels without an end", 'a{b="c" 1\n', /the labels have no end/],
  ["a label without a value", "a{b} 1\n", /label "b" has no value/],
  ["a label that is not in quotes", "a{b=c} 1\n", /label "b" is not in quotes/],
  ["a value without an end", 'a{b="c} 1\n', /label "b" has no end/],
  ["a value that ends in an escape", 'a{b="c\\"} 1\n', /has no end/],
  ["a label without a name", 'a{="c"} 1\n', /a label has no name/],
  ["two labels of a name", 'a{b="c",b="d"} 1\n', /two labels "b"/],
  ["two names", 'a{"b"} 1\n', /label "b" has no value/],
  ["a type without a word", "# TYPE a\n", /TYPE needs/],
  ["a bucket without a bound", "# TYPE h histogram\nh_bucket 1\n", /line 2 .*bucket of "h" has no bound/],
  ["a bucket whose bound is a word", '# TYPE h histogram\nh_bucket{le="x"} 1\n', /no bound/],
  ["a summary's value without a quantile", "# TYPE s summary\ns 1\n", /"s" has no quantile/],
  ["a page of HTML", "<!DOCTYPE html>\n<html></html>\n", /line 1 .*no name/],
];
for (const [what, text, message] of refused) {
  Deno.test(`parseExposition() refuses ${what}`, () => {
    const page = parseExposition(bytes(text));
    assert.ok(isWireError(page));
    assert.equal(page.reason, "syntax");
    assert.match(page.message, message);
  });
}

Deno.test("parseExposition() refuses OpenMetrics text that is cut off", () => {
  const page = parseExposition(bytes("# TYPE a counter\na_total 1\n"), { openMetrics: true });
  assert.ok(isWireError(page));
  assert.equal(page.reason, "incomplete");
});

Deno.test("parseExposition() reads bytes that are no UTF-8 as replacement characters", () => {
  const page = parseExposition(Uint8Array.of(...bytes('a{b="'), 0xff, ...bytes('"} 1\n')));
  assert.ok(!isWireError(page));
  assert.deepEqual(page.samples[0]!.labels, [["b", "\ufffd"]]);
});

Deno.test("parseExposition() counts types that are none", () => {
  const page = read("# TYPE a meter\na 1\n# TYPE b gauge\nb 1\n# TYPE c Counter\n");
  assert.equal(page.unknownTypes, 2);
  assert.deepEqual(shown(page), ["a unknown value 1", "b gauge value 1"]);
});

Deno.test("parseExposition() bounds what a message repeats", () => {
  const page = parseExposition(bytes(`${"x".repeat(10_000)} y\n`));
  assert.ok(isWireError(page) && page.message.length < 200);
});

/** The example of the OpenMetrics specification's chapters, with every type. */
const EVERYTHING = `# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
# HELP acme_http_router_request_seconds Latency though all of ACME's HTTP request router.
acme_http_router_request_seconds_sum{path="/api/v1",method="GET"} 9036.32
acme_http_router_request_seconds_count{path="/api/v1",method="GET"} 807283.0
acme_http_router_request_seconds_created{path="/api/v1",method="GET"} 1605281325.0
# TYPE go_goroutines gauge
go_goroutines 69
# TYPE process_cpu_seconds counter
process_cpu_seconds_total 4.20072246e+06
# EOF
`;

Deno.test("parseExposition() never throws, wherever a page is cut and whatever byte is in it", () => {
  const whole = bytes(EVERYTHING);
  for (let end = 0; end <= whole.length; end++) parseExposition(whole.subarray(0, end), { openMetrics: end % 2 === 0 });
  const noise = new Uint8Array(512);
  for (let round = 0; round < 500; round++) {
    crypto.getRandomValues(noise);
    parseExposition(noise);
    const torn = whole.slice();
    torn[Math.floor(Math.random() * torn.length)] = noise[0]!;
    parseExposition(torn);
  }
});
