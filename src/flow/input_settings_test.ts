import assert from "node:assert/strict";
import { ConfigError, Section } from "../config/mod.ts";
import { readInputSettings } from "./input_settings.ts";

function read(values: Record<string, unknown>) {
  return readInputSettings(Section.of(values, { file: "test" }));
}

Deno.test("readInputSettings() has defaults, and knows the other name of input", () => {
  const defaults = { timestampSource: "input", decapsulation: "none", useSourceAddress: false };
  assert.deepEqual(read({}), defaults);
  assert.deepEqual(read({ timestamp_source: "udp" }), defaults);
});

Deno.test("readInputSettings() reads every key", () => {
  const values = {
    timestamp_source: "netflow-first-switched",
    decapsulation_protocol: "srv6",
    use_src_addr_for_exporter_addr: true,
  };
  assert.deepEqual(read(values), {
    timestampSource: "netflow-first-switched",
    decapsulation: "srv6",
    useSourceAddress: true,
  });
});

for (
  const values of [
    { timestamp_source: "now" },
    { timestamp_source: 3 },
    { decapsulation_protocol: "GRE" },
    { use_src_addr_for_exporter_addr: "yes" },
  ]
) {
  Deno.test(`readInputSettings() refuses ${JSON.stringify(values)}`, () =>
    assert.throws(() => read(values), ConfigError));
}
