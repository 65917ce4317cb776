import { join } from "node:path";
import type { RuntimePackage } from "./runtime_packages.ts";

/** A package whose licence can't be told; the message names it. */
export class LicenceError extends Error {
  override readonly name = "LicenceError";
  readonly code = "licences.missing";
}

/** Fetches a text; null where there is none. */
export type FetchText = (address: string) => Promise<string | null>;

/** Names a licence bears in a package on JSR, which can't be listed. */
const NAMES_ON_JSR = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"];

/**
 * The licence texts that a package carries, notices among them, in the order of their file names.
 *
 * @throws {LicenceError} if it carries none
 */
export async function licenceText({ name, version, origin }: RuntimePackage, fetchText: FetchText): Promise<string> {
  const texts = origin.kind === "npm" ? await textsIn(origin.directory) : await firstTextAt(origin.address, fetchText);
  if (texts.length === 0 && origin.kind === "npm") texts.push(...await textByName(origin.directory));
  if (texts.length === 0 && origin.kind === "npm") texts.push(...await textInReadme(origin.directory));
  if (texts.length === 0) {
    throw new LicenceError(`Cannot tell the licence of ${name}@${version}: it carries no text of it`);
  }
  return texts.map((text) => text.replaceAll("\r\n", "\n").trim()).join("\n\n");
}

/** The section of a readme that holds the licence and its grant, where there is one: some packages have it nowhere else. */
async function textInReadme(directory: string): Promise<string[]> {
  for (const text of await textsIn(directory, /^readme(\.md|\.txt)?$/i)) {
    const readme = text.replaceAll("\r\n", "\n");
    const section = /^(#+) *licen[cs]e *\n([^]*?)(?=^\1 |(?![^]))/im.exec(readme)?.[2]?.trim() ?? "";
    if (/copyright/i.test(section) && /permission is hereby granted|redistribution and use/i.test(section)) {
      return [section];
    }
  }
  return [];
}

/** The one licence whose text is here, being ours: some packages name it and carry no text. */
const OURS = { name: "Apache-2.0", text: new URL("../../LICENSE", import.meta.url) };

/** The text of the licence that a package names without carrying it; none where it names another. */
async function textByName(directory: string): Promise<string[]> {
  let about: string;
  try {
    about = await Deno.readTextFile(join(directory, "package.json"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return JSON.parse(about).license === OURS.name ? [await Deno.readTextFile(OURS.text)] : [];
}

/** The texts of the licence files in a directory, or of those of other names; none where there is no such directory. */
export async function textsIn(
  directory: string,
  named = /^(licen[cs]e|copying|notice)([.-].*)?$/i,
): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile && named.test(name)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return await Promise.all(names.sort().map((name) => Deno.readTextFile(join(directory, name))));
}

async function firstTextAt(address: string, fetchText: FetchText): Promise<string[]> {
  for (const name of NAMES_ON_JSR) {
    const text = await fetchText(address + name);
    if (text !== null) return [text];
  }
  return [];
}
