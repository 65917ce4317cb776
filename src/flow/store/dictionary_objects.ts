/** Dictionaries of the store: what the server fetches from the agent, as comma-separated values. */
import type { CustomDictionary } from "./custom_dictionaries.ts";
import { quoteName, quoteText } from "./sql.ts";

/** Where the server finds the dictionaries. */
export interface DictionarySource {
  /** The agent's HTTP address: `http://10.0.0.1:8127`. */
  readonly url: string;
  readonly basicAuth?: { readonly username: string; readonly password: string };
}

/** A dictionary that the server keeps and fetches anew within an hour. */
export interface DictionaryObject {
  readonly kind: "dictionary";
  readonly name: string;
  /** From the columns on, as a statement has it. */
  readonly definition: string;
}

/** The path that dictionaries are served under. */
export const DICTIONARY_PATH = "/api/v0/orchestrator/clickhouse";

interface Layout {
  readonly name: string;
  readonly columns: string;
  readonly key: string;
  readonly layout: "HASHED" | "COMPLEX_KEY_HASHED" | "IP_TRIE";
  /** The name of its file. */
  readonly file: string;
}

const BUILT_IN: readonly Layout[] = [
  { name: "asns", columns: "`asn` UInt32 INJECTIVE, `name` String", key: "asn", layout: "HASHED", file: "asns" },
  {
    name: "protocols",
    columns: "`proto` UInt8 INJECTIVE, `name` String, `description` String",
    key: "proto",
    layout: "HASHED",
    file: "protocols",
  },
  {
    name: "icmp",
    columns: "`proto` UInt8, `type` UInt8, `code` UInt8, `name` String",
    key: "proto, type, code",
    layout: "COMPLEX_KEY_HASHED",
    file: "icmp",
  },
  { name: "tcp", columns: "`port` UInt16 INJECTIVE, `name` String", key: "port", layout: "HASHED", file: "tcp" },
  { name: "udp", columns: "`port` UInt16 INJECTIVE, `name` String", key: "port", layout: "HASHED", file: "udp" },
];

/** The built-in dictionaries, then those of the user's own. */
export function dictionaryObjects(source: DictionarySource, custom: readonly CustomDictionary[]): DictionaryObject[] {
  return [...BUILT_IN, ...custom.map(customLayout)].map(({ name, columns, key, layout, file }) => {
    const url = quoteText(`${source.url.replace(/\/+$/, "")}${DICTIONARY_PATH}/${file}.csv`);
    const { username, password } = source.basicAuth ?? { username: "", password: "" };
    const login = username === "" ? "" : ` CREDENTIALS(USER ${quoteText(username)} PASSWORD ${quoteText(password)})`;
    return {
      kind: "dictionary",
      name,
      definition: `(${columns}) PRIMARY KEY ${key} SOURCE(HTTP(URL ${url} FORMAT 'CSVWithNames'${login})) ` +
        `LIFETIME(MIN 0 MAX 3600) LAYOUT(${layout}())`,
    };
  });
}

function customLayout({ name, keys, attributes, layout }: CustomDictionary): Layout {
  const columns = [
    ...keys.map((key) => `${quoteName(key.name)} ${key.type}`),
    ...attributes.map((attribute) => {
      const type = attribute.type === "LowCardinality(String)" ? "String" : attribute.type;
      return `${quoteName(attribute.name)} ${type} DEFAULT ${quoteText(attribute.usual)}`;
    }),
  ];
  return {
    name: `custom_dict_${name}`,
    columns: columns.join(", "),
    key: keys.map((key) => quoteName(key.name)).join(", "),
    layout: layout === "hashed" ? "HASHED" : layout === "ip_trie" ? "IP_TRIE" : "COMPLEX_KEY_HASHED",
    file: `custom_dict_${name}`,
  };
}
