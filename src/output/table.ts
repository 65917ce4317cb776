/** What a row of the table shows, read from a line's JSON object. */
interface Row {
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly tags: string;
  readonly host: string;
}

const HEADINGS: Row = { name: "name", type: "type", value: "value", tags: "tags", host: "host" };
const CHECK_STATUS = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];

/** Control characters in a name or a tag must not reach a terminal. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * Lines (JSON objects of points, events, checks or spans) as an aligned table under a heading with the flush's time.
 *
 * @param timestamp Unix seconds of the flush
 */
export function tableText(lines: readonly string[], timestamp: number): string {
  const rows = [HEADINGS, ...lines.map(rowOf)];
  const width = (column: keyof Row) => rows.reduce((most, row) => Math.max(most, row[column].length), 0);
  const [name, type, value, tags] = [width("name"), width("type"), width("value"), width("tags")];
  const text = rows.map((row) =>
    [row.name.padEnd(name), row.type.padEnd(type), row.value.padStart(value), row.tags.padEnd(tags), row.host]
      .join("  ").trimEnd()
  );
  const time = new Date(timestamp * 1000).toISOString().slice(0, 19).replace("T", " ");
  return `-- ${time} UTC\n${text.join("\n")}\n\n`;
}

function rowOf(line: string): Row {
  const value = JSON.parse(line) as Record<string, unknown>;
  const text = (key: string) => String(value[key] ?? "").replace(CONTROL, "?");
  const tags = Array.isArray(value.tags)
    ? value.tags
    : Object.entries(value.tags ?? {}).map(([key, own]) => `${key}:${own}`);
  const row = { tags: tags.join(",").replace(CONTROL, "?"), host: text("host") };
  switch (value.kind) {
    case "event":
      return { ...row, name: text("title"), type: "event", value: text("alert_type") };
    case "check":
      return { ...row, name: text("name"), type: "check", value: CHECK_STATUS[Number(value.status)] ?? text("status") };
    case "span":
      return { ...row, name: text("name"), type: "span", value: `${spanMs(value)} ms`, host: text("service") };
    default:
      return { ...row, name: text("name"), type: text("type"), value: text("value") };
  }
}

/** A span's length; its times are beyond 2^53, but a microsecond is what a double keeps of them. */
function spanMs(span: Record<string, unknown>): number {
  return Math.round((Number(span.end_ns) - Number(span.start_ns)) / 1e3) / 1e3;
}
