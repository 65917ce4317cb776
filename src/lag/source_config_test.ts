import assert from "node:assert/strict";
import { readDocument, Section } from "../config/mod.ts";
import { lagSection } from "./section.ts";
import { type LagSourceConfig, readLagSourceConfig, sameLagConfig } from "./source_config.ts";

function read(yaml: string): LagSourceConfig {
  return readLagSourceConfig(readDocument(yaml, "limier.yaml").section("lag"));
}

Deno.test("readLagSourceConfig() reads each cluster once, by a reader of its name", () => {
  const { consumers } = read("lag: { clusters: { a: { brokers: ['h:1'] }, b: { brokers: ['h:2'] } } }");
  assert.deepEqual([...consumers].map(([name, { cluster, brokers }]) => [name, cluster, brokers]), [
    ["a", "a", ["h:1"]],
    ["b", "b", ["h:2"]],
  ]);
});

Deno.test("readLagSourceConfig() leaves a cluster to the consumers that name it", () => {
  const { consumers } = read(`
lag:
  clusters: { a: { brokers: ['h:1'], client_id: me } }
  consumers: { x: { cluster: a, start_latest: true, group_denylist: '^q' }, y: { brokers: ['h:3'], client_id: other } }
`);
  assert.deepEqual([...consumers.keys()], ["x", "y"]);
  const [x, y] = [consumers.get("x")!, consumers.get("y")!];
  assert.deepEqual([x.brokers, x.profile.clientId, x.startLatest], [["h:1"], "me", true]);
  assert.deepEqual([y.brokers, y.profile.clientId, y.cluster], [["h:3"], "other", "a"]);
});

Deno.test("readLagSourceConfig() shares a connection by its name", () => {
  const { clusters } = read(`
lag:
  client_profiles: { p: { sasl: { mechanism: PLAIN, username: u, password: w }, tls: { ca_file: /ca.pem } } }
  clusters: { a: { brokers: ['h:1'], client_profile: p }, b: { brokers: ['h:2'], tls: {} } }
`);
  const { sasl, tls } = clusters.get("a")!.profile;
  assert.deepEqual([sasl, tls], [
    { name: "", mechanism: "PLAIN", username: "u", password: "w" },
    { name: "", caFile: "/ca.pem" },
  ]);
  assert.deepEqual(clusters.get("b")!.profile.tls, { name: "" });
});

const OAUTH = "mechanism: OAUTHBEARER, username: c, password: p, oauth_token_url: 'https://idp.example/token'";

const signedIn: [yaml: string, scopes: string[]][] = [
  [OAUTH, []],
  [`${OAUTH}, oauth_scopes: [a, 'b:c']`, ["a", "b:c"]],
  [OAUTH.replace("OAUTHBEARER", "oauth"), []],
];
for (const [yaml, scopes] of signedIn) {
  Deno.test(`readLagSourceConfig() reads sasl: { ${yaml} }`, () => {
    const config = read(`lag: { clusters: { a: { brokers: ['h:1'], sasl: { name: n, ${yaml} } } } }`);
    const { sasl } = config.clusters.get("a")!.profile;
    const tokenUrl = "https://idp.example/token";
    assert.deepEqual(sasl, {
      ...{ name: "n", mechanism: "OAUTHBEARER", username: "c", password: "p" },
      ...{ tokenUrl, scopes },
    });
    const again = readLagSourceConfig(Section.of(lagSection(config)));
    assert.deepEqual(again.clusters.get("a")!.profile.sasl, sasl);
  });
}

Deno.test("lagSection() is what reads as the same configuration", async () => {
  const template = await Deno.makeTempFile();
  const config = read(`
lag:
  client_profiles: { p: { kafka_version: 3.9.0, sasl: { username: u, password: w } } }
  clusters: { a: { brokers: ['h:1'], client_profile: p, offset_refresh: 3s } }
  consumers: { x: { group_allowlist: '(?i)^a[[:digit:]]' } }
  storage: { intervals: 4 }
  evaluator: { stop_after: 1m }
  notifiers:
    h: { class_name: http, url_open: 'http://h/{{.Group}}', template_open: ${template}, headers: { A: b }, threshold: 3 }
    m: { class_name: email, server: s, port: 25, from: f, to: t, template_open: ${template}, auth_type: plain }
  meter: true
`);
  const again = readLagSourceConfig(Section.of(lagSection(config)));
  // The one cluster stands in the consumer now, as does its name.
  assert.deepEqual(lagSection(again), lagSection(config));
  assert.ok(sameLagConfig(again, config));
  assert.ok(!sameLagConfig(again, { ...config, meter: false }));
  await Deno.remove(template);
});

const cluster = "clusters: { a: { brokers: ['h:1'] } }";
const withSasl = (keys: string) => `{ clusters: { a: { brokers: ['h:1'], sasl: { ${keys} } } } }`;
const refused: [yaml: string, message: RegExp][] = [
  ["{ clusters: { a: {} } }", /No Kafka brokers specified for cluster a/],
  ["{ clusters: { a: { brokers: [] } } }", /No Kafka brokers specified for cluster a/],
  ["{ clusters: { a: { brokers: ['h'] } } }", /Cluster 'a' has one or more improperly formatted servers/],
  ["{ clusters: { a: { brokers: ['h:1'], class_name: pulsar } } }", /Unknown cluster className provided: pulsar/],
  ["{ clusters: { a: { brokers: ['h:1'], offset_refresh: 10ms } } }", /lag\.clusters\.a\.offset_refresh/],
  ["{ clusters: { a: { brokers: ['h:1'], kafka_version: new } } }", /a version such as 3\.9\.0, or auto/],
  ["{ clusters: { a: { brokers: ['h:1'], client_profile: p } } }", /unknown client-profile 'p'/],
  ["{ clusters: { a: { brokers: ['h:1'], offset_refrsh: 1s } } }", /did you mean offset_refresh/],
  ["{ clusters: { a: { brokers: ['h:1'], tls: { cert_file: c } } } }", /lag\.clusters\.a\.tls\.key_file/],
  ["{ clusters: { a: { brokers: ['h:1'], sasl: { mechanism: SCRAM, username: u, password: w } } } }", /SCRAM-SHA-256/],
  [withSasl(OAUTH.replace(/, oauth_token_url.*/, "")), /sasl\.oauth_token_url/],
  [withSasl(OAUTH.replace("OAUTHBEARER", "PLAIN")), /sasl\.mechanism.*OAUTHBEARER/],
  [withSasl(OAUTH.replace("https:", "ftp:")), /sasl\.oauth_token_url.*https/],
  [withSasl(`${OAUTH}, oauth_scope: a`), /did you mean oauth_scopes/],
  [
    "{ client_profiles: { p: {} }, clusters: { a: { brokers: ['h:1'], client_profile: p, client_id: x } } }",
    /it in the profile p, which client_profile names/,
  ],
  [`{ ${cluster}, consumers: { x: { cluster: b } } }`, /Consumer 'x' references an unknown cluster 'b'/],
  [`{ ${cluster}, consumers: { x: { class_name: kafka_zk } } }`, /kafka_zk\) can't be read/],
  [`{ ${cluster}, consumers: { x: { class_name: odd } } }`, /Unknown consumer className provided: odd/],
  [`{ ${cluster}, consumers: { x: { offsets_topic: 'a b' } } }`, /the name of a topic/],
  [
    `{ ${cluster}, consumers: { x: { group_blacklist: a } } }`,
    /Please change configurations to allowlist and denylist/,
  ],
  [`{ ${cluster}, notifiers: { n: { class_name: pigeon } } }`, /Unknown notifier className provided: pigeon/],
  [`{ ${cluster}, notifiers: { n: { class_name: http, url_open: 'http://h' } } }`, /the path of a template's file/],
  [
    `{ ${cluster}, notifiers: { n: { class_name: http, template_open: /no/such/file } } }`,
    /lag\.notifiers\.n\.template_open.*can be read/,
  ],
  [`{ ${cluster}, notifiers: { n: { class_name: 'null', threshold: 4 } } }`, /from 1 to 3/],
  [`{ ${cluster}, notifiers: { n: { class_name: 'null', server: s } } }`, /there is no such key/],
  [`{ ${cluster}, metre: true }`, /did you mean meter/],
];

for (const [yaml, message] of refused) {
  Deno.test(`readLagSourceConfig() refuses ${yaml}`, () => assert.throws(() => read(`lag: ${yaml}\n`), { message }));
}
