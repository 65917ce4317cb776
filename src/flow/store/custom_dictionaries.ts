/** Dictionaries of the user's own: a file of comma-separated values that gives flows further columns. */
import type { Section } from "../../config/mod.ts";

/** One column of a dictionary's key. */
export interface DictionaryKey {
  readonly name: string;
  readonly type: string;
  /** The flow's column that is looked up instead of the dimension. */
  readonly matchDimension: string;
  /** The dimension with this behind its name is looked up. */
  readonly matchDimensionSuffix: string;
}

/** One value that a dictionary gives. */
export interface DictionaryAttribute {
  readonly name: string;
  readonly type: string;
  /** What it is called behind the dimension's name. */
  readonly label: string;
  /** The value of what the dictionary does not know. */
  readonly usual: string;
}

/** A dictionary as configured. */
export interface CustomDictionary {
  readonly name: string;
  readonly layout: "hashed" | "complex_key_hashed" | "ip_trie";
  readonly keys: readonly DictionaryKey[];
  readonly attributes: readonly DictionaryAttribute[];
  /** The columns that are looked up. */
  readonly dimensions: readonly string[];
  /** Path of its file, whose first line names the columns. */
  readonly source: string;
}

const TYPES =
  /^(String|U?Int(8|16|32|64)|IPv[46]|Float(32|64)|Date|DateTime|UUID|FixedString\(\d{1,3}\)|LowCardinality\(String\))$/;

/** Reads `custom_dictionaries`. @throws {ConfigError} */
export function readCustomDictionaries(section: Section): readonly CustomDictionary[] {
  return section.entries().map(([name, each]) => {
    each.refuseOthers(["layout", "keys", "attributes", "dimensions", "source"]);
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) section.refuse(name, "a name of small letters, digits and _");
    const layout = each.oneOf("layout", ["hashed", "complex_key_hashed", "ip_trie", "iptrie"]) ?? "hashed";
    const keys = each.sections("keys").map((key): DictionaryKey => {
      key.refuseOthers(["name", "type", "match_dimension", "match_dimension_suffix"]);
      return {
        name: readName(key, "name"),
        type: readType(key),
        matchDimension: key.string("match_dimension") ?? "",
        matchDimensionSuffix: key.string("match_dimension_suffix") ?? "",
      };
    });
    if (keys.length === 0) each.refuse("keys", "at least one key");
    if (layout !== "complex_key_hashed" && keys.length > 1) {
      each.refuse("layout", "complex_key_hashed for several keys");
    }
    const isTrie = layout === "ip_trie" || layout === "iptrie";
    if (isTrie && keys[0] !== undefined && keys[0].type !== "String") each.refuse("keys", "one key of type String");
    const attributes = each.sections("attributes").map((attribute): DictionaryAttribute => {
      attribute.refuseOthers(["name", "type", "label", "default"]);
      const called = readName(attribute, "name");
      return {
        name: called,
        type: readType(attribute),
        label: attribute.has("label")
          ? readName(attribute, "label")
          : called.slice(0, 1).toUpperCase() + called.slice(1),
        usual: attribute.string("default") ?? "None",
      };
    });
    if (attributes.length === 0) each.refuse("attributes", "at least one attribute");
    const source = each.string("source") ?? "";
    if (source === "") each.refuse("source", "the path of a file");
    return {
      name,
      layout: isTrie ? "ip_trie" : layout === "hashed" ? "hashed" : "complex_key_hashed",
      keys,
      attributes,
      dimensions: each.strings("dimensions") ?? [],
      source,
    };
  });
}

function readName(section: Section, key: string): string {
  const name = section.string(key);
  if (name === undefined || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    section.refuse(key, "a name of letters, digits and _");
  }
  return name ?? "";
}

function readType(section: Section): string {
  const type = section.string("type") ?? "String";
  return TYPES.test(type) ? type : section.refuse("type", "a type of ClickHouse such as String or UInt16") ?? "String";
}
