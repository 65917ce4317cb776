import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  type YAMLMap,
} from "yaml";

/** A step from a setting into the one that holds it: a key, or an index. */
export type Step = string | number;

/** A line and a column, from 1; columns are characters. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is found of a path in a file. */
export interface Found {
  readonly key: Place;
  readonly value: Place;
  /** False: the path isn't there, and the places are those of the innermost part that is. */
  readonly exact: boolean;
  /** The letters a scalar is written with. */
  readonly source?: string;
}

/** The file once more, read for where things stand rather than for what they are. Made only when that is asked. */
export class YamlPlaces {
  readonly #text: string;
  readonly #document: Document;

  constructor(text: string) {
    this.#text = text;
    // Whether a key stands twice the parser of the values has told; here the answer costs the square of a map's size.
    this.#document = parseDocument(text, { merge: true, uniqueKeys: false, logLevel: "error" });
  }

  /** Where the file begins to be no YAML. */
  get firstComplaint(): Place | undefined {
    const [first] = this.#document.errors;
    return first === undefined ? undefined : placeAt(this.#text, first.pos[0]);
  }

  /** Where keys stand for the second time in their map, if nothing else is wrong with the file. */
  get duplicateKeys(): Place[] | undefined {
    const { errors } = parseDocument(this.#text, { merge: true, uniqueKeys: true, logLevel: "error" });
    if (errors.length === 0 || errors.some(({ code }) => code !== "DUPLICATE_KEY")) return undefined;
    return errors.map((error) => placeAt(this.#text, error.pos[0]));
  }

  /** The values; of a key that stands twice the last. Only where nothing else is wrong. */
  values(): unknown {
    return this.#document.toJS();
  }

  /** Follows `path` as far as it leads, through aliases and merged maps. */
  find(path: readonly Step[]): Found {
    let node: Node | null = this.#document.contents as Node | null;
    let keyAt = node?.range?.[0] ?? 0;
    let valueAt = keyAt;
    for (const [depth, step] of path.entries()) {
      const inner = this.#enter(this.#resolve(node), step);
      if (inner === undefined) return this.#found(keyAt, valueAt, false, null);
      node = inner.value;
      keyAt = inner.key?.range?.[0] ?? node?.range?.[0] ?? keyAt;
      // A key without a value has an empty one, right behind it.
      valueAt = node?.range?.[0] ?? inner.key?.range?.[1] ?? valueAt;
      if (depth === path.length - 1) return this.#found(keyAt, valueAt, true, node);
    }
    return this.#found(keyAt, valueAt, true, node);
  }

  #found(keyAt: number, valueAt: number, exact: boolean, node: Node | null): Found {
    const scalar = this.#resolve(node);
    const source = isScalar(scalar) ? scalar.source : undefined;
    return {
      key: placeAt(this.#text, keyAt),
      value: placeAt(this.#text, valueAt),
      exact,
      ...(source === undefined ? {} : { source }),
    };
  }

  #resolve(node: Node | null): Node | null {
    return isAlias(node) ? (node as Alias).resolve(this.#document) ?? null : node;
  }

  #enter(node: Node | null, step: Step): { key: Node | null; value: Node | null } | undefined {
    if (isSeq(node)) {
      const item = node.items[Number(step)];
      return item === undefined || isPair(item) ? undefined : { key: null, value: item as Node };
    }
    return isMap(node) ? this.#pair(node, String(step), 0) : undefined;
  }

  #pair(map: YAMLMap, name: string, depth: number): { key: Node | null; value: Node | null } | undefined {
    const merged: Node[] = [];
    for (const { key, value } of map.items) {
      if (!isScalar(key)) continue;
      if (String(key.value) === name) return { key, value: value as Node | null };
      if (key.source === "<<") merged.push(value as Node);
    }
    // Merged maps hold what the map itself does not; deeper than this they are a knot.
    if (depth === 16) return undefined;
    for (const node of merged.flatMap((node) => isSeq(node) ? node.items as Node[] : [node])) {
      const inner = this.#resolve(node);
      const found = isMap(inner) ? this.#pair(inner, name, depth + 1) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** The line and column of an offset in UTF-16 units, as an editor counts them. */
function placeAt(text: string, offset: number): Place {
  let line = 1;
  let lineStart = 0;
  for (const { index, 0: end } of text.slice(0, offset).matchAll(/\r\n|\r|\n/g)) {
    line++;
    lineStart = index + end.length;
  }
  return { line, column: [...text.slice(lineStart, offset)].length + 1 };
}
