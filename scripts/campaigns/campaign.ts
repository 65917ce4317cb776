/** What a campaign is: a promise of the agent, put to the proof for as long as it takes. */
import { parseArgs } from "@std/cli/parse-args";

/** Takes a line of what a campaign says. */
export type Print = (line: string) => void;

/** Numbers and words that a campaign is run with, by name; `nameBytes` is `--name-bytes` on the command line. */
export type Options = Readonly<Record<string, number | string>>;

/** One campaign. */
export interface Campaign<O extends Options> {
  readonly name: string;
  /** One line for the list of campaigns. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  readonly defaults: O;
  /** The words that an option may be. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
  /** @returns whether everything promised held */
  run(options: O, print: Print): Promise<boolean>;
}

/** What was found, each finding printed as it comes. */
export class Verdict {
  #holds = true;
  readonly #print: Print;

  constructor(print: Print) {
    this.#print = print;
  }

  /** True as long as every requirement held. */
  get holds(): boolean {
    return this.#holds;
  }

  /** Prints `what`, and whether it is so. */
  require(holds: boolean, what: string): void {
    this.#print(`${holds ? "    ok" : "FAILED"}  ${what}`);
    this.#holds &&= holds;
  }
}

/** Reads options from the command line; a text says what is wrong with it. */
export function readOptions<O extends Options>(
  { defaults, choices }: Pick<Campaign<O>, "defaults" | "choices">,
  args: readonly string[],
): O | string {
  const nameOf = new Map(Object.keys(defaults).map((name) => [flagOf(name), name]));
  const unknown: string[] = [];
  const flags = parseArgs([...args], {
    string: [...nameOf.keys()],
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) return `Cannot use ${unknown[0]}: no such option`;
  const options: Record<string, number | string> = { ...defaults };
  for (const [flag, name] of nameOf) {
    const text: string | undefined = flags[flag];
    if (text === undefined) continue;
    if (typeof defaults[name] === "string") {
      const words = choices[name] ?? [];
      if (words.length > 0 && !words.includes(text)) {
        return `Cannot use --${flag} ${text}: write one of ${words.join(", ")}`;
      }
      options[name] = text;
    } else {
      if (!/^\d+(\.\d+)?$/.test(text)) return `Cannot use --${flag} ${text}: write a number`;
      options[name] = Number(text);
    }
  }
  return options as O;
}

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `1500000` as `1 500 000`. */
export function spaced(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

/** Bytes as megabytes of 10^6. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** Resolves after `ms`. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
