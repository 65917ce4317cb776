/** One broker, one agent that watches it, and cases that are played before them. */
import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { startTestBroker, type TestBroker } from "../../src/kafka/testing.ts";
import { assertSameGroups } from "./lag_comparison.ts";
import { Clients, LagPages, until } from "./lag_stage.ts";

/** What a case is handed. */
export interface LagStage {
  readonly broker: TestBroker;
  readonly clients: Clients;
  readonly pages: LagPages;
  readonly agent: AgentProcess;
}

/** A case, by what it shows. */
export type LagCase = readonly [name: string, run: (stage: LagStage) => Promise<void>];

/** What is played. */
export interface LagCases {
  /** Before anybody watches. */
  readonly before?: (broker: TestBroker, clients: Clients) => Promise<void>;
  /** Cases with a pace of their own: one after the other, before all others. */
  readonly paced?: readonly LagCase[];
  /** Cases with topics and groups of their own, all at once. */
  readonly cases: readonly LagCase[];
  /** When all of them are done. */
  readonly after?: (stage: LagStage) => void | Promise<void>;
}

/** Intervals scaled down: what takes minutes in production takes seconds here. */
function configOf(broker: TestBroker): string {
  return `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
outputs: []
lag:
  clusters:
    main: { brokers: ["${broker.address}"], offset_refresh: 300ms, topic_refresh: 600ms }
  storage: { intervals: 5 }
  evaluator: { expire_cache: 0s }
`;
}

/** Plays them, and checks at the end that agent and broker know the same groups and that every record was understood. */
export async function playLagCases({ before, paced = [], cases, after }: LagCases): Promise<void> {
  await using broker = await startTestBroker();
  await using clients = await Clients.connect(broker.address);
  await before?.(broker, clients);
  await using agent = await startAgentProcess({ config: configOf(broker) });
  const pages = new LagPages(() => agent.url);
  const stage: LagStage = { broker, clients, pages, agent };
  await until("the agent is ready", async () => await pages.text("/burrow/admin/ready") === "READY" || undefined);
  const failures: Error[] = [];
  const play = async ([name, run]: LagCase) => {
    try {
      await run(stage);
    } catch (error) {
      failures.push(new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error }));
    }
  };
  for (const one of paced) await play(one);
  await Promise.all(cases.map(play));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join("\n"));
  // Exactly the same: the agent's own reading makes no group, neither here nor there.
  await assertSameGroups(pages, broker);
  const metrics = await agent.metrics();
  for (const name of Object.keys(metrics)) assert.doesNotMatch(name, /^limier_lag_records_refused_total\{/);
  assert.deepEqual(agent.log.filter(({ level }) => level === "error"), []);
  await after?.(stage);
}
