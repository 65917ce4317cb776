/** Asks the exporters themselves, by SNMP v2c or v3. */
import { Buffer } from "node:buffer";
import type { Clock } from "../../../clock/mod.ts";
import type { Counter, Histogram, Reporter } from "../../../telemetry/mod.ts";
import { Boundary } from "../../columns.ts";
import { parseAddressWords } from "../../address.ts";
import { PrefixTable } from "../prefix_table.ts";
import { type Answer, exporterNamed, type MetadataProvider } from "./facts.ts";
import { DEFAULT_CREDENTIALS, DEFAULT_PORT, type SnmpCredentials, type SnmpSettings } from "./snmp_config.ts";
import {
  AUTH_NUMBERS,
  openSnmpLibrary,
  PRIVACY_NUMBERS,
  type SnmpLibrary,
  type SnmpSession,
  type SnmpUser,
  type Varbind,
} from "./snmp_library.ts";

/** What went wrong with a question, as it is counted. */
export type SnmpProblem = "timeout" | "no sysName" | "no ifName" | "no ifHighSpeed" | "refused" | "unknown";

/** An exporter that gave no answer, or not all of it. */
export class SnmpError extends Error {
  override readonly name = "SnmpError";
  readonly code = "flow.snmp";

  constructor(readonly exporter: string, readonly problem: SnmpProblem, options: ErrorOptions = {}) {
    super(`Cannot ask ${exporter} by SNMP: ${SAID[problem]}`, options);
  }
}

const SAID: Readonly<Record<SnmpProblem, string>> = {
  timeout: "it does not answer; look at its address, port and community or user",
  "no sysName": "it tells no sysName",
  "no ifName": "it knows no such interface (ifName)",
  "no ifHighSpeed": "it tells no speed of the interface (ifHighSpeed)",
  refused: "it refuses the user or the request",
  unknown: "the request failed",
};

/** The values of one question; what an agent doesn't tell is absent. */
interface Values {
  sysName?: string;
  ifDescr?: string;
  ifName?: string;
  ifAlias?: string;
  /** Mbit/s. */
  ifHighSpeed?: number;
}

const TEXTS = ["sysName", "ifDescr", "ifName", "ifAlias"] as const;

/** SNMPv2-MIB, IF-MIB: sysName, ifDescr, ifName, ifAlias, ifHighSpeed. */
function oidsOf(ifIndex: number): string[] {
  return [
    "1.3.6.1.2.1.1.5.0",
    `1.3.6.1.2.1.2.2.1.2.${ifIndex}`,
    `1.3.6.1.2.1.31.1.1.1.1.${ifIndex}`,
    `1.3.6.1.2.1.31.1.1.1.18.${ifIndex}`,
    `1.3.6.1.2.1.31.1.1.1.15.${ifIndex}`,
  ];
}

/** Sessions of SNMPv3 that stay open: each knows the engine of its agent. */
const MOST_SESSIONS = 1000;
const SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const PREFIX = "limier_outlet_metadata_provider_snmp_poller_";

/** Answers with what exporters say of themselves. */
export class SnmpProvider implements MetadataProvider {
  readonly type = "snmp";
  readonly #settings: SnmpSettings;
  readonly #clock: Clock;
  /** Loaded with the first question. */
  #library: SnmpLibrary | undefined;
  #isDisposed = false;
  readonly #credentials: PrefixTable<SnmpCredentials>;
  readonly #ports: PrefixTable<number>;
  readonly #sessions = new Map<string, SnmpSession>();
  /** Open sessions, and how many answers each waits for. */
  readonly #questions = new Map<SnmpSession, number>();
  /** Sessions that are closed once they wait for nothing. */
  readonly #retired = new Set<SnmpSession>();
  readonly #successes: Counter;
  readonly #failures: Counter;
  readonly #engineHits: Counter;
  readonly #engineMisses: Counter;
  readonly #seconds: Histogram;

  constructor(settings: SnmpSettings, { clock, reporter }: { readonly clock: Clock; readonly reporter: Reporter }) {
    this.#settings = settings;
    this.#clock = clock;
    this.#credentials = new PrefixTable(settings.credentials);
    this.#ports = new PrefixTable(settings.ports);
    const { metrics } = reporter;
    this.#successes = metrics.counter(`${PREFIX}success_requests_total`, "Questions that exporters answered.");
    this.#failures = metrics.counter(`${PREFIX}error_requests_total`, "Questions without an answer that is of use.");
    this.#engineHits = metrics.counter(
      `${PREFIX}v3_cache_hits_total`,
      "Questions to an exporter whose engine is known.",
    );
    this.#engineMisses = metrics.counter(`${PREFIX}v3_cache_misses_total`, "Questions that had to ask for the engine.");
    this.#seconds = metrics.histogram(`${PREFIX}seconds`, "How long questions took.", SECONDS_BUCKETS);
  }

  /** @throws {SnmpError} */
  async query(exporter: string, ifIndex: number): Promise<Answer> {
    const startMs = this.#clock.monotonic();
    try {
      const answer = await this.#query(exporter, ifIndex);
      this.#successes.inc(1, { exporter });
      return answer;
    } catch (error) {
      const problem = error instanceof SnmpError ? error.problem : "unknown";
      this.#failures.inc(1, { exporter, error: problem });
      throw error;
    } finally {
      this.#seconds.observe((this.#clock.monotonic() - startMs) / 1000, { exporter });
    }
  }

  async #query(exporter: string, ifIndex: number): Promise<Answer> {
    const library = this.#library ??= await openSnmpLibrary();
    if (this.#isDisposed) throw new SnmpError(exporter, "unknown");
    const words = parseAddressWords(exporter);
    const credentials = (words && this.#credentials.find(words, 0)) ?? DEFAULT_CREDENTIALS;
    const port = (words && this.#ports.find(words, 0)) ?? DEFAULT_PORT;
    const values = credentials.version === 3
      ? await this.#askV3(library, exporter, credentials, port, ifIndex)
      : await this.#askV2(library, exporter, credentials.communities, port, ifIndex);
    const { sysName = "", ifDescr = "", ifName = "", ifAlias = "", ifHighSpeed: speed } = values;
    if (sysName === "") throw new SnmpError(exporter, "no sysName");
    if (ifName === "") throw new SnmpError(exporter, "no ifName");
    if (speed === undefined) throw new SnmpError(exporter, "no ifHighSpeed");
    const description = [ifAlias, ifDescr].find((text) => text !== "" && text !== ifName) ?? "";
    return {
      exporter: exporterNamed(sysName),
      interface: { name: ifName, description, speed, provider: "", connectivity: "", boundary: Boundary.undefined },
    };
  }

  /** Each community may show another part of the agent. */
  async #askV2(
    library: SnmpLibrary,
    exporter: string,
    communities: readonly string[],
    port: number,
    ifIndex: number,
  ): Promise<Values> {
    let values: Values | undefined;
    let failure: unknown;
    for (const community of communities) {
      const session = library.createSession(this.#agentOf(exporter), community, {
        ...this.#optionsOf(exporter, port),
        version: library.Version2c,
      });
      try {
        values = { ...await this.#get(library, session, exporter, ifIndex), ...values };
      } catch (error) {
        failure = error; // another community may do
      } finally {
        this.#retire(session);
      }
      if (values !== undefined && Object.keys(values).length === TEXTS.length + 1) return values;
    }
    if (values === undefined) throw failure;
    return values;
  }

  async #askV3(
    library: SnmpLibrary,
    exporter: string,
    credentials: SnmpCredentials & { version: 3 },
    port: number,
    ifIndex: number,
  ): Promise<Values> {
    let session = this.#sessions.get(exporter);
    (session === undefined ? this.#engineMisses : this.#engineHits).inc(1, { exporter });
    if (session === undefined) {
      session = library.createV3Session(this.#agentOf(exporter), userOf(library, credentials), {
        ...this.#optionsOf(exporter, port),
        context: credentials.contextName,
      });
      this.#sessions.set(exporter, session);
      if (this.#sessions.size > MOST_SESSIONS) {
        const [oldest, old] = this.#sessions.entries().next().value!;
        this.#sessions.delete(oldest);
        this.#retire(old);
      }
    }
    try {
      return await this.#get(library, session, exporter, ifIndex);
    } catch (error) {
      // The engine may have changed: the next question begins anew.
      if (this.#sessions.get(exporter) === session) this.#sessions.delete(exporter);
      this.#retire(session);
      throw error;
    }
  }

  #agentOf(exporter: string): string {
    return this.#settings.agents.get(exporter) ?? exporter;
  }

  #optionsOf(exporter: string, port: number) {
    const { retries, timeoutMs } = this.#settings;
    const transport = this.#agentOf(exporter).includes(":") ? "udp6" as const : "udp4" as const;
    return { port, retries, timeout: timeoutMs, transport };
  }

  #get(library: SnmpLibrary, session: SnmpSession, exporter: string, ifIndex: number): Promise<Values> {
    const { promise, resolve, reject } = Promise.withResolvers<Values>();
    const known = this.#questions.get(session);
    if (known === undefined) {
      session.on("error", () => {}); // a datagram that is no answer; the question's own time limit ends it
    }
    this.#questions.set(session, (known ?? 0) + 1);
    session.get(oidsOf(ifIndex), (cause, varbinds) => {
      this.#questions.set(session, (this.#questions.get(session) ?? 1) - 1);
      if (this.#retired.has(session)) this.#retire(session);
      if (cause === null || cause === undefined) resolve(readValues(library, varbinds ?? []));
      else reject(new SnmpError(exporter, problemOf(cause), { cause }));
    });
    return promise;
  }

  /** Closes a session as soon as it waits for nothing. */
  #retire(session: SnmpSession): void {
    if ((this.#questions.get(session) ?? 0) > 0) {
      this.#retired.add(session);
      return;
    }
    this.#retired.delete(session);
    if (this.#questions.delete(session)) session.close();
  }

  /** Ends what is asked with an error. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#sessions.clear();
    for (const session of [...this.#questions.keys()]) {
      session.cancelRequests(new Error("Cannot go on with a question: the agent stops"));
      this.#retire(session);
    }
  }
}

function userOf(library: SnmpLibrary, credentials: SnmpCredentials & { version: 3 }): SnmpUser {
  const { userName, authProtocol, authPassphrase, privacyProtocol, privacyPassphrase } = credentials;
  const { SecurityLevel } = library;
  if (authProtocol === "none") return { name: userName, level: SecurityLevel.noAuthNoPriv };
  const auth = { name: userName, authProtocol: AUTH_NUMBERS[authProtocol], authKey: authPassphrase };
  if (privacyProtocol === "none") return { ...auth, level: SecurityLevel.authNoPriv };
  const privacy = { privProtocol: PRIVACY_NUMBERS[privacyProtocol], privKey: privacyPassphrase };
  return { ...auth, ...privacy, level: SecurityLevel.authPriv };
}

function readValues(library: SnmpLibrary, varbinds: readonly Varbind[]): Values {
  const values: Values = {};
  const read = (i: number) => {
    const varbind = varbinds[i];
    return varbind === undefined || library.isVarbindError(varbind) ? undefined : varbind.value;
  };
  for (const [i, name] of TEXTS.entries()) {
    const value = read(i);
    // Names come as people typed them, now and then with a NUL at their end.
    const text = Buffer.isBuffer(value) ? value.toString("utf8").replace(/\0+$/, "").trim() : "";
    if (text !== "") values[name] = text;
  }
  const speed = read(TEXTS.length);
  if (typeof speed === "number") values.ifHighSpeed = speed;
  return values;
}

function problemOf(error: Error): SnmpProblem {
  if (error.name === "RequestTimedOutError") return "timeout";
  return error.name === "RequestFailedError" || error.name === "ResponseInvalidError" ? "refused" : "unknown";
}
