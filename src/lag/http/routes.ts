/** Paths with names in them, matched segment by segment before anything is decoded. */

/** The names of a path, decoded. */
export type PathNames = Readonly<Record<string, string>>;

/** One path and what answers on it, by method. */
export interface Route<Answer> {
  /** Segments; `:name` stands for any text that is not empty. */
  readonly path: string;
  readonly methods: Readonly<Record<string, Answer>>;
}

/** What a request's path leads to. */
export type RouteMatch<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer; readonly names: PathNames }
  | { readonly kind: "method"; readonly allow: readonly string[] }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "unknown" };

/** Makes what finds a path's answer. */
export function newRoutes<Answer>(
  routes: readonly Route<Answer>[],
): (method: string, path: string) => RouteMatch<Answer> {
  const parsed = routes.map(({ path, methods }) => ({ segments: path.split("/").slice(1), methods }));

  return (method, path) => {
    const segments = path.split("/").slice(1);
    for (const { segments: wanted, methods } of parsed) {
      if (!fits(wanted, segments, (a, b) => a === b)) continue;
      const names = namesOf(wanted, segments);
      if (names === undefined) return { kind: "unknown" };
      const answer = methods[method === "HEAD" ? "GET" : method];
      if (answer !== undefined) return { kind: "answer", answer, names };
      return { kind: "method", allow: [...Object.keys(methods), "OPTIONS"] };
    }
    // A slash too many, or letters in another case.
    const bare = segments.at(-1) === "" && segments.length > 1 ? segments.slice(0, -1) : segments;
    for (const { segments: wanted } of parsed) {
      if (!fits(wanted, bare, (a, b) => a.toLowerCase() === b.toLowerCase())) continue;
      return { kind: "redirect", path: `/${wanted.map((one, i) => one.startsWith(":") ? bare[i] : one).join("/")}` };
    }
    return { kind: "unknown" };
  };
}

function fits(
  wanted: readonly string[],
  segments: readonly string[],
  same: (a: string, b: string) => boolean,
): boolean {
  return wanted.length === segments.length &&
    wanted.every((one, i) => one.startsWith(":") ? segments[i] !== "" : same(one, segments[i]!));
}

function namesOf(wanted: readonly string[], segments: readonly string[]): PathNames | undefined {
  try {
    return Object.fromEntries(
      wanted.map((one, i) => [one, segments[i]!] as const).filter(([one]) => one.startsWith(":"))
        .map(([one, segment]) => [one.slice(1), decodeURIComponent(segment)]),
    );
  } catch (error) {
    if (error instanceof URIError) return undefined; // percent signs that are no bytes of text
    throw error;
  }
}
