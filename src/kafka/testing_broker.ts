/** For tests: a real broker, Apache Kafka as one node, which `scripts/setup-kafka.sh` gets. */
import { join } from "node:path";
import { realClock } from "../clock/mod.ts";
import { isFile, serversDirectory, testWith } from "../testing/mod.ts";
import { KafkaCluster } from "./cluster.ts";
import { KafkaError } from "./errors.ts";

/** The user that the broker knows, by SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN. */
export const TEST_USER = { username: "alice", password: "alice-secret" } as const;

/** A guard against a hang; it starts in a few seconds. */
const START_TIMEOUT_MS = 120_000;

/** How a broker is started. */
export interface TestBrokerOptions {
  /** Listens with SASL and TLS as well, which takes openssl to make certificates. @default false */
  readonly secure?: boolean;
  /** Added to `server.properties`. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** The addresses of a broker that listens with SASL and TLS, and what goes with them, in PEM. */
export interface SecureListeners {
  /** Without TLS: PLAIN and SCRAM. */
  readonly sasl: string;
  /** With TLS: PLAIN and SCRAM. */
  readonly saslTls: string;
  readonly tls: string;
  /** Wants a certificate of ours. */
  readonly mutualTls: string;
  /** The authority of the broker's certificate, which is for localhost and 127.0.0.1. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A running broker. Disposing ends it and removes its log. */
export interface TestBroker extends AsyncDisposable {
  /** `127.0.0.1:PORT`, plain text. */
  readonly address: string;
  readonly secure: SecureListeners | undefined;
  readonly directory: string;
  /** SIGKILL, as a crash, or SIGTERM, and waits for its end. */
  stop(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Starts it again on the same ports with the same log, and waits until it answers. */
  start(): Promise<void>;
  /** SIGSTOP: it keeps its connections and does not answer. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /**
   * Runs one of Kafka's own command line tools, such as `org.apache.kafka.tools.TopicCommand`, with `--bootstrap-server`;
   * gives what it prints.
   */
  tool(className: string, args: readonly string[], input?: string): Promise<string>;
}

/** A test with a broker. Where Kafka is missing it is skipped and says why; with CI=true it fails. */
export function brokerTest(name: string, run: () => Promise<void>): void {
  const found = isFile(join(home(), "version")) ? home() : undefined;
  testWith(name, { found, setup: "scripts/setup-kafka.sh" }, run);
}

/** Starts a broker and waits until it answers. */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const directory = await Deno.makeTempDir({ prefix: "limier-kafka-" });
  try {
    const [plain = 0, controller = 0, ...more] = freePorts(6);
    const secure = options.secure ? await makeSecure(directory, more) : undefined;
    const properties = {
      ...baseProperties(directory, plain, controller),
      ...(secure === undefined ? {} : secureProperties(directory, plain, controller, secure)),
      ...options.properties,
    };
    await copyDirectory(join(home(), "formatted"), join(directory, "data"));
    await Deno.writeTextFile(
      join(directory, "server.properties"),
      Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join(""),
    );
    await Deno.writeTextFile(join(directory, "log4j2.yaml"), LOG_SETTINGS);
    const broker = new BrokerProcess(directory, `127.0.0.1:${plain}`, secure);
    await broker.start();
    return broker;
  } catch (error) {
    await Deno.remove(directory, { recursive: true });
    throw error;
  }
}

const LOG_SETTINGS = `Configuration:
  Appenders: { Console: { name: stdout, PatternLayout: { pattern: "%p %c{1} %m%n" } } }
  Loggers: { Root: { level: WARN, AppenderRef: { ref: stdout } } }
`;

class BrokerProcess implements TestBroker {
  readonly address: string;
  readonly secure: SecureListeners | undefined;
  readonly directory: string;
  #child: Deno.ChildProcess | undefined;

  constructor(directory: string, address: string, secure: SecureListeners | undefined) {
    this.directory = directory;
    this.address = address;
    this.secure = secure;
  }

  async start(): Promise<void> {
    const log = join(this.directory, "broker.log");
    const java = ["java", "-Xms128m", "-Xmx384m", ...JVM, `-Dlog4j2.configurationFile=${this.directory}/log4j2.yaml`];
    const child = new Deno.Command("sh", {
      args: ["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", log, ...java, "kafka.Kafka", "server.properties"],
      cwd: this.directory,
      env: { CLASSPATH: join(home(), "libs", "*") },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#child = child;
    let ended = false;
    child.status.then(() => ended = true);
    const endMs = performance.now() + START_TIMEOUT_MS;
    while (!await answers(this.address)) {
      if (!ended && performance.now() < endMs) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      await this.stop();
      const why = ended ? "it ended" : "it does not answer";
      throw new Error(`Cannot start Kafka: ${why}. It said:\n${await Deno.readTextFile(log)}`);
    }
  }

  async stop(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    try {
      child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
    await child.status;
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async tool(className: string, args: readonly string[], input = ""): Promise<string> {
    const child = new Deno.Command("java", {
      args: [...JVM, className, "--bootstrap-server", this.address, ...args],
      env: { CLASSPATH: join(home(), "libs", "*") },
      cwd: this.directory,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder();
    if (code !== 0) throw new Error(`Cannot run ${className}: it ended with ${code}: ${text.decode(stderr)}`);
    return text.decode(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Quick to start rather than quick. */
const JVM = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];

/** Where the setup script puts it. */
function home(): string {
  return join(serversDirectory(), "kafka");
}

async function answers(address: string): Promise<boolean> {
  const cluster = new KafkaCluster({ brokers: [address], clientId: "test", clock: realClock, requestTimeoutMs: 5_000 });
  try {
    return (await cluster.metadata([])).brokers.length > 0;
  } catch (error) {
    if (error instanceof KafkaError) return false; // it is not ready yet
    throw error;
  } finally {
    cluster.close();
  }
}

/** Ports of the loopback address that were free a moment ago, all different. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

function baseProperties(directory: string, plain: number, controller: number): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    "listeners": `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${plain}`,
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": join(directory, "data"),
    "num.partitions": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "2",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    // After a crash it may come back only once its old session is over.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    // It need not hurry: nobody else takes over.
    "controlled.shutdown.enable": "false",
  };
}

function secureProperties(
  directory: string,
  plain: number,
  controller: number,
  secure: SecureListeners,
): Record<string, string> {
  const listeners = [
    `PLAINTEXT://127.0.0.1:${plain}`,
    `SASL://${secure.sasl}`,
    `SASLTLS://${secure.saslTls}`,
    `TLS://${secure.tls}`,
    `MTLS://${secure.mutualTls}`,
  ].join();
  const sasl = ["sasl", "sasltls"].flatMap((listener) => [
    ...["scram-sha-256", "scram-sha-512"].map((mechanism) => [
      `listener.name.${listener}.${mechanism}.sasl.jaas.config`,
      "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    ]),
    [
      `listener.name.${listener}.plain.sasl.jaas.config`,
      `org.apache.kafka.common.security.plain.PlainLoginModule required user_${TEST_USER.username}="${TEST_USER.password}";`,
    ],
  ]);
  return {
    "listeners": `${listeners},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": listeners,
    "listener.security.protocol.map":
      "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,SASLTLS:SASL_SSL,TLS:SSL,MTLS:SSL",
    "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": join(directory, "broker.pem"),
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": join(directory, "ca.crt"),
    "listener.name.mtls.ssl.client.auth": "required",
    ...Object.fromEntries(sasl),
  };
}

/** An authority, and certificates for the broker and for us. */
async function makeSecure(directory: string, ports: readonly number[]): Promise<SecureListeners> {
  const script = `set -e
ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
ec ca.key
openssl req -x509 -new -key ca.key -subj /CN=limier-test-ca -days 3650 -out ca.crt
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' > san
for name in broker client; do
  ec $name.key
  openssl req -new -key $name.key -subj /CN=$name -out $name.csr
  openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile san -out $name.crt
done
cat broker.key broker.crt > broker.pem`;
  const { code, stderr } = await new Deno.Command("sh", { args: ["-c", script], cwd: directory, stdout: "null" })
    .output();
  if (code !== 0) throw new Error(`Cannot make certificates: ${new TextDecoder().decode(stderr)}`);
  const read = (name: string) => Deno.readTextFile(join(directory, name));
  const [sasl, saslTls, tls, mutualTls] = ports.map((port) => `127.0.0.1:${port}`);
  return {
    sasl: sasl!,
    saslTls: saslTls!,
    tls: tls!,
    mutualTls: mutualTls!,
    ca: await read("ca.crt"),
    cert: await read("client.crt"),
    key: await read("client.key"),
  };
}

/** Flat: what formatting leaves has no folders. */
async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (isFile) await Deno.copyFile(join(from, name), join(to, name));
  }
}
