import { connectionRows } from "./connection_rows.ts";
import type { Row } from "./trial.ts";

/** Every row, by its number. */
export const ROWS: readonly Row[] = [
  ...connectionRows,
].sort((a, b) => numberOf(a) - numberOf(b));

function numberOf({ id }: Row): number {
  return Number(/\d+/.exec(id)![0]);
}
