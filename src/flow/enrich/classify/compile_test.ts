import assert from "node:assert/strict";
import { compileRule } from "./compile.ts";
import { type RuleContext, RuleContext as Context } from "./rule_context.ts";
import { RuleError, RuleFailure } from "./rule_error.ts";

function newContext(): RuleContext {
  return Object.assign(new Context(), {
    exporterIp: "192.0.2.1",
    exporterName: "par3.core.example.net",
    interfaceIndex: 11,
    interfaceName: "xe-0/0/1",
    interfaceDescription: "TRANSIT/Acme Net/0042",
    interfaceSpeed: 10_000,
    interfaceVlan: 100,
  });
}

const evaluated: [rule: string, result: boolean][] = [
  ["true", true],
  ["1 + 2 * 3 == 7", true],
  ["(1 + 2) * 3 == 9", true],
  ["7 - 2 - 1 == 4", true],
  ["7 / 2 == 3.5", true],
  ["7 % 4 == 3", true],
  ["-Interface.Index == 0 - 11", true],
  ["0x10 == 16 and 1e3 == 1000 and .5 < 1", true],
  ["'a' + \"b\" == `ab`", true],
  ["'\\u0041\\x42\\103\\n' == 'ABC\\n'", true],
  ["`a\\n` == 'a\\\\n'", true],
  ["not true or true", true],
  ["not (true or true)", false],
  ["!false && !false", true],
  ["true or 1 % Interface.VLAN == 7 % 0", true],
  ["false and 7 % 0 == 1", false],
  ["true or false and false", true],
  ["Interface.Index in [1, 11]", true],
  ["Interface.Index not in [1, 11]", false],
  ["'x' in []", false],
  ["Interface.Name startsWith 'xe-' and Interface.Name endsWith '/1'", true],
  ["Interface.Name not contains 'xe'", false],
  ["Interface.Name matches '^xe-[0-9]'", true],
  ["Interface.Name matches '^' + 'xe'", true],
  ["Interface.Speed >= 10000 ? true : false", true],
  ["false ? true : false ? false : true", true],
  [
    "let parts = split(Interface.Description, '/'); len(parts) == 3 and parts[1] == 'Acme Net' and parts[-1] == '0042'",
    true,
  ],
  ["let a = 1; let b = a + 1; a + b == 3", true],
  ["len('é😀') == 2 and len([1, 2]) == 2", true],
  ["lower('ABC') == 'abc' and upper('abc') == 'ABC'", true],
  ["trim('  a ') == 'a' and trim('--a-', '-') == 'a'", true],
  ["split('a,b,c', ',', 2) == ['a', 'b,c']", true],
  ["indexOf(Interface.Name, '-') == 2 and indexOf('a', 'b') == -1", true],
  ["replace('a.b.c', '.', '$&') == 'a$&b$&c'", true],
  ["Format('%s-%d-%v-%q-%x-%%', 'a', 5, true, 'b', 255) == 'a-5-true-\"b\"-ff-%'", true],
  ["Format('%05d|%-4s|%4s|', 42, 'a', 'b') == '00042|a   |   b|'", true],
  [
    "Format('%d', 'a') == '%!d(string=a)' and Format('%d') == '%!d(MISSING)' and Format('a', 1) == 'a%!(EXTRA int=1)'",
    true,
  ],
  ["Exporter.IP == '192.0.2.1' // a comment", true],
  ["/* before */ Exporter.Name != ''", true],
  ["'a' < 'b' and 'b' >= 'b'", true],
  ["[1, 'a', true] == [1, 'a', true]", true],
];
for (const [source, result] of evaluated) {
  Deno.test(`compileRule() evaluates ${source}`, () => {
    assert.equal(compileRule(source, "interface").evaluate(newContext()), result);
  });
}

const refused: [rule: string, at: number, problem: RegExp][] = [
  ["", 0, /write a value here, not the end/],
  ["true true", 5, /nothing is expected before true/],
  ["Interface.Nam == ''", 10, /Interface has no Nam, did you mean Name\?/],
  ["Interfaces.Name == ''", 0, /did you mean Interface\?/],
  ["Interface == 1", 0, /write Interface\.Index/],
  ["ClasifyProvider('a')", 0, /no function ClasifyProvider, did you mean ClassifyProvider\?/],
  ["ClassifySite('a')", 0, /for rules about exporters/],
  ["ClassifyProvider()", 0, /takes 1 arguments, not 0/],
  ["ClassifyProvider(1)", 17, /argument 1 of ClassifyProvider is a number, write a string/],
  ["ClassifyProviderRegex(Interface.Name, '^(a', '$1')", 40, /no \) for this \(/],
  ["Interface.Name matches '('", 24, /no \) for this \(/],
  ["Interface.Name matches '(?=a)'", 24, /no look-around/],
  ["'a' == 1", 4, /== can't take a string and a number/],
  ["'a' + 1 == 'a1'", 4, /\+ can't take/],
  ["1 and true", 0, /before and is a number, write a boolean/],
  ["Interface.Name", 10, /gives a string, write one that gives true or false/],
  ["'abc", 0, /no ' that ends this text/],
  ["'\\d'", 1, /\\d is no escape: write \\\\/],
  ["true & true", 5, /write &&/],
  ["a = 1", 2, /write == to compare/],
  ["a == 1", 0, /a is not known/],
  ["let x = 1; let x = 2; x == 1", 11, /has a meaning already/],
  ["let and = 1; true", 4, /write a name behind let/],
  ["(true", 5, /write \) behind what \( began/],
  ["[1, 2", 5, /write , or \]/],
  ["true ? 1", 8, /write : between/],
  ["12ab == 1", 0, /no number/],
  ["'a'.b == 1", 4, /only Exporter and Interface/],
  ["eval('1')", 0, /no function eval/],
  ["Exporter.constructor == ''", 9, /no constructor/],
  ["toString() == ''", 0, /no function toString/],
  ["len(1) == 1", 4, /len takes a string or a list/],
  ["Reject", 0, /write Reject\(…\)/],
  ["(".repeat(1000), 200, /nested too deeply/],
];
for (const [source, at, problem] of refused) {
  Deno.test(`compileRule() refuses ${JSON.stringify(source.slice(0, 60))}`, () => {
    assert.throws(() => compileRule(source, "interface"), (error) => {
      assert.ok(error instanceof RuleError);
      assert.match(error.message, problem);
      assert.equal(error.at, at);
      return true;
    });
  });
}

for (const source of ["Interface.Name == ''", "ClassifyProvider('a')", "SetName('a')"]) {
  Deno.test(`compileRule() refuses ${source} of an exporter`, () => {
    assert.throws(() => compileRule(source, "exporter"), /rules about exporters|for rules about interfaces/);
  });
}

const failing = [
  "1 % (Interface.Index - 11) == 0",
  "split('a', ',')[1] == 'a'",
  "split('a', ',')[0] > 1",
  "Interface.Name matches Interface.Name + '('",
  "true ? split('a', ',')[0] : true",
];
for (const source of failing) {
  Deno.test(`a rule fails and does not go on: ${source}`, () => {
    assert.throws(() => compileRule(source, "interface").evaluate(newContext()), RuleFailure);
  });
}

Deno.test("functions set each attribute once, and normalised", () => {
  const context = newContext();
  const evaluate = (source: string) => compileRule(source, "interface").evaluate(context);
  assert.equal(evaluate("ClassifyProvider('Acme Net!') && ClassifyProvider('other')"), true);
  assert.equal(context.provider, "acmenet");
  assert.equal(evaluate("ClassifyProviderRegex('x', 'no', '')"), true); // set already
  assert.equal(evaluate("ClassifyConnectivityRegex('x', 'no', '')"), false);
  assert.equal(
    evaluate("ClassifyConnectivityRegex(Interface.Description, '^(?i)(?P<kind>transit|ix)/', '$kind')"),
    true,
  );
  assert.equal(context.connectivity, "transit");
  assert.equal(evaluate("ClassifyExternal() && ClassifyInternal()"), true);
  assert.equal(context.boundary, "external");
  assert.equal(evaluate("SetName('Port 1') && SetDescription('A b') && SetName('Port 2')"), true);
  assert.deepEqual([context.name, context.description], ["Port 1", "A b"]);
  assert.equal(evaluate("Reject()"), false);
  assert.equal(context.isRejected, true);
});

Deno.test("compileRule() tells what a rule reads", () => {
  assert.deepEqual([...compileRule("Interface.VLAN > 5 or Exporter.IP == ''", "interface").reads], [
    "Interface.VLAN",
    "Exporter.IP",
  ]);
});

Deno.test("compileRule() answers whatever is written, and a rule fails in one way only", () => {
  let state = 3;
  const random = (below: number) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
    return (state >>> 9) % below;
  };
  const words = evaluated.flatMap(([source]) => source.split(/(\s+|\b)/)).filter((word) => word !== "");
  let compiled = 0;
  for (let turn = 0; turn < 20_000; turn++) {
    const parts = evaluated[random(evaluated.length)]![0].split(/(\s+|\b)/);
    for (let i = 1 + random(2); i > 0; i--) parts.splice(random(parts.length), random(2), words[random(words.length)]!);
    const source = parts.join("");
    try {
      compileRule(source, "interface").evaluate(newContext());
      compiled++;
    } catch (error) {
      assert.ok(error instanceof RuleError || error instanceof RuleFailure, `${source}: ${error}`);
      if (error instanceof RuleError) assert.ok(error.at >= 0 && error.at <= source.length, source);
    }
  }
  assert.ok(compiled > 1000);
});
