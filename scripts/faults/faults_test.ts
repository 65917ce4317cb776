import assert from "node:assert/strict";
import { runFaults } from "./main.ts";
import { MODES } from "./modes.ts";
import { conservationFindings } from "./page.ts";
import { ROWS } from "./registry.ts";
import { planTrials, report, runPlan, runTrial } from "./run.ts";
import type { Row, Trial } from "./trial.ts";

const seed = Math.floor(Math.random() * 2 ** 32);
const plan = { seed, full: false, only: [], jobs: 1 };
const single = MODES.find(({ name }) => name === "single_sync")!;

async function findingsOf(run: (trial: Trial) => Promise<void>): Promise<string> {
  const row: Row = { id: "FI-0", fault: "made up", run };
  const { findings } = await runTrial({ row, mode: single }, plan, () => {});
  return findings.join("\n");
}

const quick = ["FI-4", "FI-9", "FI-10", "FI-12", "FI-19", "FI-21", "FI-24", "FI-30", "FI-33", "FI-39"];
for (const id of quick) {
  const row = ROWS.find((row) => row.id === id)!;
  Deno.test({ name: `${id}: ${row.fault}`, ignore: Deno.build.os !== "linux" }, async () => {
    const results = await runPlan(ROWS, { ...plan, only: [id] }, () => {});
    assert.deepEqual(results.map(({ findings }) => findings), [[]], `seed ${seed}`);
  });
}

const sabotaged: [what: string, finding: RegExp, run: (trial: Trial) => Promise<void>][] = [
  ["a receiver that says that it stored what it did not", /\d+ events are lost/, async (trial) => {
    const [peer] = trial.peers();
    peer!.script = async (exchange) => {
      await (exchange.number === 3 ? exchange.ids() : exchange.store());
      await exchange.reply(202);
    };
    const delivery = await trial.deliver([peer!]);
    await delivery.offerAll(trial.batches(500, { most: 50 }));
    await delivery.finish(trial);
  }],
  ["events that come twice", /\d+ events came again/, async (trial) => {
    const [peer] = trial.peers();
    peer!.script = async (exchange) => {
      await exchange.store();
      if (exchange.number === 2) await exchange.store();
      await exchange.reply(202);
    };
    const delivery = await trial.deliver([peer!]);
    await delivery.offerAll(trial.batches(500, { most: 50 }));
    await delivery.finish(trial);
  }],
  ["a batch that is signalled twice", /signalled 2 times/, async (trial) => {
    const delivery = await trial.deliver(trial.peers());
    await delivery.offerAll(trial.batches(100));
    trial.oracle.signal(0, "stored");
    await delivery.finish(trial);
  }],
  ["an event that is rejected and expected", /events are counted as rejected/, async (trial) => {
    const [peer] = trial.peers();
    peer!.script = async (exchange) => {
      const ids = await exchange.ids();
      if (!ids.includes(7)) await exchange.store();
      await exchange.reply(ids.includes(7) ? 400 : 202);
    };
    const delivery = await trial.deliver([peer!]);
    await delivery.offerAll(trial.batches(100, { most: 20 }));
    await delivery.finish(trial);
  }],
  ["a row that throws", /so it ends/, () => Promise.reject(new Error("so it ends"))],
];
for (const [what, finding, run] of sabotaged) {
  Deno.test(`runTrial() finds ${what}`, async () => assert.match(await findingsOf(run), finding));
}

Deno.test("runTrial() chooses the same with the same seed", async () => {
  const chosen: number[][] = [];
  for (let i = 0; i < 2; i++) {
    await findingsOf((trial) => {
      chosen.push(trial.batches(1_000).map(({ ids }) => ids.length));
      return Promise.resolve();
    });
  }
  assert.deepEqual(chosen[0], chosen[1]);
  assert.equal(chosen[0]!.reduce((sum, size) => sum + size, 0), 1_000);
});

Deno.test("conservationFindings() finds books that do not balance", () => {
  const books = { accepted: 10, delivered: 5, duplicate: 1, rejected: 1, dropped: 1, pending: 2 };
  assert.deepEqual(conservationFindings(books), []);
  assert.match(conservationFindings({ ...books, pending: 1 }).join(), /accepted 10, settled and pending 9/);
});

Deno.test("planTrials() takes each row once, or in each of its modes", () => {
  const once = planTrials(ROWS, plan);
  assert.equal(once.length, ROWS.length);
  for (const { row, mode } of once) assert.equal(mode.name, row.once, row.id);
  const all = planTrials(ROWS, { ...plan, full: true });
  assert.equal(all.length, ROWS.reduce((sum, { modes }) => sum + (modes?.length ?? MODES.length), 0));
  assert.deepEqual(planTrials(ROWS, { ...plan, only: ["FI-4"] }).map(({ row }) => row.id), ["FI-4"]);
});

Deno.test("every fault of the plan has a row", () => {
  const numbers = new Set(ROWS.map(({ id }) => Number(/\d+/.exec(id)![0])));
  assert.deepEqual([...numbers].sort((a, b) => a - b), Array.from({ length: 48 }, (_, i) => i + 1));
});

Deno.test("report() ends with what passed and failed", () => {
  const result = { row: ROWS[0]!, mode: single, events: 10_000, faults: 3, notes: [], tookMs: 1 };
  const text = report([{ ...result, findings: [] }, { ...result, findings: ["an event is lost"] }], 7);
  assert.match(text, /FAILED/);
  assert.match(text, /\n1 passed, 1 failed; 20000 events, 6 faults, seed 7$/);
});

const refused: string[][] = [["--fast"], ["--only", "FI-99"], ["--seed", "x"], ["--mode", "double"], ["--jobs", "0"]];
for (const args of refused) {
  Deno.test(`runFaults() ends with 2 on ${args.join(" ")}`, async () => {
    const { error } = console;
    console.error = () => {};
    try {
      assert.equal(await runFaults(args), 2);
    } finally {
      console.error = error;
    }
  });
}
