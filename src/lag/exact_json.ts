/** V8 writes raw texts; TypeScript's library does not know yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** JSON in which integers of any size are exact numbers. */
export function exactJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, member) => typeof member === "bigint" ? rawJSON(String(member)) : member, indent);
}
