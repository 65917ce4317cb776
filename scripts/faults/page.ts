/** Numbers of a metrics page. */

/** The sum of all series of `name` whose labels contain each of `labels`. */
export function sumOf(page: string, name: string, ...labels: readonly string[]): number {
  let sum = 0;
  for (const line of page.split("\n")) {
    const space = line.lastIndexOf(" ");
    const series = line.slice(0, space);
    if (series !== name && !series.startsWith(`${name}{`)) continue;
    if (labels.every((label) => series.includes(label))) sum += Number(line.slice(space));
  }
  return sum;
}

/** What an output's books say of its events. */
export interface EventBooks {
  readonly accepted: number;
  readonly delivered: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly dropped: number;
  readonly pending: number;
}

/** Reads an output's books off the page. */
export function eventBooks(page: string, output: string): EventBooks {
  const of = (fate: string) => sumOf(page, `limier_events_${fate}_total`, `output="${output}"`);
  return {
    accepted: of("accepted"),
    delivered: of("delivered"),
    duplicate: of("duplicate"),
    rejected: of("rejected"),
    dropped: of("dropped"),
    pending: sumOf(page, "limier_pending_events", `output="${output}"`),
  };
}

/** What is wrong with books: accepted is to be the sum of all the others. */
export function conservationFindings(books: EventBooks): string[] {
  const { accepted, delivered, duplicate, rejected, dropped, pending } = books;
  const settled = delivered + duplicate + rejected + dropped + pending;
  if (accepted === settled && pending >= 0) return [];
  return [`the books do not balance: accepted ${accepted}, settled and pending ${settled} (${JSON.stringify(books)})`];
}
