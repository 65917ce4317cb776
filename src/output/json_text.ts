import { tagsWithoutSinks } from "./magic_tags.ts";

/** What `JSON.stringify` does not copy as it is; surrogates, because a lone one is escaped. */
// deno-lint-ignore no-control-regex
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

/** `text` as a JSON string, quotes included; equal to `JSON.stringify(text)`, and quicker where nothing is escaped. */
export function jsonString(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** The tags a destination may see, as a JSON array. */
export function jsonTags(tags: readonly string[]): string {
  const shown = tagsWithoutSinks(tags);
  let text = "[";
  for (let i = 0; i < shown.length; i++) text += (i === 0 ? "" : ",") + jsonString(shown[i]!);
  return text + "]";
}
