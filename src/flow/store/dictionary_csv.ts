/** The dictionaries' contents as comma-separated values, the first line naming the columns. */
import type { CustomDictionary } from "./custom_dictionaries.ts";
import { ICMP_NAMES, PORT_NAMES, PROTOCOL_NAMES } from "./well_known.ts";

/** What dictionaries are made from beside what is built in. */
export interface DictionaryFiles {
  /** Names of autonomous systems by number. */
  readonly asns: Readonly<Record<string, string>>;
  readonly customDictionaries: readonly CustomDictionary[];
  /** @default Deno.readTextFile */
  readonly readFile?: (path: string) => Promise<string>;
}

/** The file of a dictionary; `undefined` if there is none of that name, or its own file can't be read. */
export async function dictionaryCsv(name: string, files: DictionaryFiles): Promise<string | undefined> {
  switch (name) {
    case "asns":
      return csv(["asn", "name"], Object.entries(files.asns).map(([asn, text]) => [Number(asn), text]));
    case "protocols":
      return csv(["proto", "name", "description"], PROTOCOL_NAMES);
    case "icmp":
      return csv(["proto", "type", "code", "name"], ICMP_NAMES);
    case "tcp":
    case "udp": {
      const rows = PORT_NAMES.filter(([, , over]) => over === "both" || over === name);
      return csv(["port", "name"], rows.map(([port, text]) => [port, text]));
    }
  }
  const custom = files.customDictionaries.find((each) => name === `custom_dict_${each.name}`);
  if (custom === undefined) return undefined;
  try {
    return await (files.readFile ?? Deno.readTextFile)(custom.source);
  } catch {
    return undefined; // to who asks it is not there; what the server says of that is in its log
  }
}

function csv(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = rows.map((row) =>
    row.map((value) => typeof value === "number" ? value : `"${value.replaceAll('"', '""')}"`).join(",")
  );
  return [header.join(","), ...lines, ""].join("\n");
}
