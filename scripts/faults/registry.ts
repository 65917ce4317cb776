import { agentRows } from "./agent_rows.ts";
import { closingRows } from "./closing_rows.ts";
import { connectionRows } from "./connection_rows.ts";
import { diskRows } from "./disk_rows.ts";
import { modeRows } from "./mode_rows.ts";
import { nameRows } from "./name_rows.ts";
import { processRows } from "./process_rows.ts";
import { replyRows } from "./reply_rows.ts";
import { spoolRows } from "./spool_rows.ts";
import { statusRows } from "./status_rows.ts";
import type { Row } from "./trial.ts";

/** Every row, by its number. */
export const ROWS: readonly Row[] = [
  ...agentRows,
  ...closingRows,
  ...connectionRows,
  ...diskRows,
  ...modeRows,
  ...nameRows,
  ...processRows,
  ...replyRows,
  ...spoolRows,
  ...statusRows,
].sort((a, b) => numberOf(a) - numberOf(b));

function numberOf({ id }: Row): number {
  return Number(/\d+/.exec(id)![0]);
}
