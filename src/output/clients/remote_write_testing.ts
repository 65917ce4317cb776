import { ProtoReader } from "../../bytes/mod.ts";

/** A series of a `WriteRequest`, as text: `{__name__=a,host=b} 1 @1700000010000`. */
export function writeRequestTexts(bytes: Uint8Array): string[] {
  const series: string[] = [];
  const request = new ProtoReader(bytes);
  while (request.next() !== 0) {
    const labels: string[] = [];
    let sample = "";
    const one = request.message();
    for (let field = one.next(); field !== 0; field = one.next()) {
      const inner = one.message();
      let [first, second] = ["", ""];
      for (let at = inner.next(); at !== 0; at = inner.next()) {
        if (field === 1 && at === 1) first = inner.text();
        else if (field === 1) second = inner.text();
        else if (at === 1) first = String(inner.double());
        else second = String(inner.int64());
      }
      if (field === 1) labels.push(`${first}=${second}`);
      else sample = `${first} @${second}`;
    }
    series.push(`{${labels.join(",")}} ${sample}`);
  }
  return series;
}
