/** The body of an import, from its bytes to elements that are handed on as they are. Pure. */
import { EMPTY_IMPORT, type ImportRequestError, inflateImport, NO_IMPORT } from "../import_body.ts";
import { compareUtf8 } from "../tags.ts";
import { carriedElement, type CarriedSeries } from "./carried.ts";
import type { RingKeys } from "./ring_key.ts";

/** What a body holds. */
export interface ImportedElements {
  readonly series: readonly CarriedSeries[];
  /** Elements without a name, which nobody could be given. */
  readonly nameless: number;
}

/**
 * Reads a body. It refuses what a global instance would refuse as a whole, and leaves each element's value to it.
 *
 * @param encoding the request's `Content-Encoding`, "" without one
 */
export function readElements(
  body: Uint8Array,
  encoding: string,
  keys: RingKeys,
): ImportedElements | ImportRequestError {
  const plain = inflateImport(body, encoding);
  if (!(plain instanceof Uint8Array)) return plain;
  return elementsOf(plain, keys);
}

function elementsOf(plain: Uint8Array, keys: RingKeys): ImportedElements | ImportRequestError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(plain));
  } catch {
    return NO_IMPORT; // the refusal says all there is to say
  }
  if (!Array.isArray(parsed)) return NO_IMPORT;
  const series: CarriedSeries[] = [];
  let nameless = 0, isEmpty = true;
  for (const one of parsed) {
    const identity = readIdentity(one);
    if (identity === undefined) return NO_IMPORT;
    isEmpty &&= identity.isEmpty;
    const { name, type, tags } = identity;
    if (name === "") nameless++;
    else series.push(carriedElement(keys.keyOf(name, type, tags), JSON.stringify(one)));
  }
  return isEmpty ? EMPTY_IMPORT : { series, nameless };
}

interface Identity {
  readonly name: string;
  readonly type: string;
  /** Sorted, none empty, none twice. */
  readonly tags: readonly string[];
  readonly isEmpty: boolean;
}

/** What an element says it is; its members' names match in any case. `undefined` where a member can't be what it is. */
function readIdentity(one: unknown): Identity | undefined {
  if (typeof one !== "object" || one === null || Array.isArray(one)) return undefined;
  const texts = { name: "", type: "", tagstring: "", value: "", scope: "" };
  let list: readonly string[] = [];
  for (const [key, member] of Object.entries(one)) {
    const name = key.toLowerCase();
    if (member === null) continue; // as absent
    if (name === "tags") {
      if (!Array.isArray(member) || !member.every((tag) => typeof tag === "string")) return undefined;
      list = member;
    } else if (isText(name)) {
      if (typeof member !== "string" || name === "value" && !isBase64(member)) return undefined;
      texts[name] = member;
    }
  }
  const { name, type, tagstring, value } = texts;
  // Where the two disagree, the list is right: a tag may hold a comma.
  const tags = list.length > 0 ? list : tagstring.split(",");
  return {
    name,
    type,
    tags: [...new Set(tags.filter((tag) => tag !== ""))].sort(compareUtf8),
    isEmpty: name === "" && type === "" && tagstring === "" && list.length === 0 && value === "",
  };
}

const TEXTS = ["name", "type", "tagstring", "value", "scope"] as const;

function isText(name: string): name is typeof TEXTS[number] {
  return (TEXTS as readonly string[]).includes(name);
}

function isBase64(text: string): boolean {
  try {
    Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    return true;
  } catch {
    return false; // that is what was asked
  }
}
