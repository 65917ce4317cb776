import assert from "node:assert/strict";
import type { LagGroup, LagPartition } from "./lag_client.ts";
import { groupTable, partitionTable, secondsText } from "./lag_table.ts";

const partition: LagPartition = {
  topic: "t",
  partition: 0,
  owner: "/10.0.0.9",
  client_id: "",
  status: "STOP",
  end: { offset: 50 },
  current_lag: 10,
  complete: 1,
  lag_seconds: 75,
  lost: 2,
};
const group = (name: string, status: string, totallag: number): LagGroup => ({
  cluster: "c",
  group: name,
  status,
  partitions: [partition, { ...partition, partition: 1, end: null, owner: "" }],
  partition_count: 2,
  totallag,
  maxlag: totallag === 0 ? null : partition,
  maxlag_seconds: totallag === 0 ? 0 : 75,
});

Deno.test("groupTable() has the worst group first, and nothing that drives a terminal", () => {
  const groups = [
    group("fine", "OK", 0),
    group("b\x1b[2J", "ERR", 5),
    group("a", "ERR", 5),
    group("slow", "WARN", 900),
  ];
  assert.equal(
    groupTable(groups),
    [
      "CLUSTER  GROUP  STATUS  LAG  BEHIND  PARTITIONS  WORST",
      "c        a      ERR     5    1m15s   2           t/0",
      "c        b\u{fffd}[2J  ERR     5    1m15s   2           t/0",
      "c        slow   WARN    900  1m15s   2           t/0",
      "c        fine   OK      0    0s      2           -",
    ].join("\n"),
  );
});

Deno.test("partitionTable() shows what is committed and who reads", () => {
  assert.equal(
    partitionTable(group("g", "ERR", 5)),
    [
      "TOPIC  PARTITION  STATUS  COMMITTED  LAG  BEHIND  LOST  OWNER      CLIENT",
      "t      0          STOP    50         10   1m15s   2     /10.0.0.9  -",
      "t      1          STOP    -          10   1m15s   2     -          -",
    ].join("\n"),
  );
});

const times: [seconds: number | null, text: string][] = [
  [null, "-"],
  [0, "0s"],
  [0.9, "0s"],
  [59.9, "59s"],
  [60, "1m"],
  [200, "3m20s"],
  [7_500, "2h5m"],
  [273_600, "3d4h"],
];
for (const [seconds, text] of times) {
  Deno.test(`secondsText(${seconds}) is ${text}`, () => assert.equal(secondsText(seconds), text));
}
