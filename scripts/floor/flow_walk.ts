/** The floor of the flow decoders in this language: walks what `flow_walk.c` walks, as it does, and keeps the sum. */

/** What was walked. */
export interface Walked {
  records: number;
  sum: number;
}

/** Lengths of the fields of templates, by template. */
export type WalkTemplates = Map<number, { lengths: readonly number[]; octets: number }>;

/** NetFlow v9 or IPFIX. */
export function walkNetflow(view: DataView, templates: WalkTemplates, out: Walked): void {
  const end = view.byteLength;
  const isV9 = view.getUint16(0) === 9;
  for (let at = isV9 ? 20 : 16; end - at >= 4;) {
    const id = view.getUint16(at), length = view.getUint16(at + 2);
    if (length < 4 || length > end - at) return;
    if (id === (isV9 ? 0 : 2)) readTemplate(view, at + 4, templates);
    else if (id >= 256) walkRecords(view, at + 4, at + length, id, templates, out);
    at += length;
  }
}

function readTemplate(view: DataView, at: number, templates: WalkTemplates): void {
  const count = view.getUint16(at + 2);
  const lengths = Array.from({ length: count }, (_, i) => view.getUint16(at + 6 + 4 * i));
  templates.set(view.getUint16(at), { lengths, octets: lengths.reduce((sum, length) => sum + length, 0) });
}

function walkRecords(
  view: DataView,
  at: number,
  end: number,
  id: number,
  templates: WalkTemplates,
  out: Walked,
): void {
  const template = templates.get(id);
  if (template === undefined || template.octets === 0) return;
  const { lengths, octets } = template;
  let sum = 0;
  for (; end - at >= octets; out.records++) {
    for (let i = 0; i < lengths.length; i++) {
      const length = lengths[i]!;
      if (length === 1) sum += view.getUint8(at);
      else if (length === 2) sum += view.getUint16(at);
      else if (length === 4) sum += view.getUint32(at);
      at += length;
    }
  }
  out.sum += sum;
}

/** sFlow: the words of flow samples, and the fields of the headers in them. */
export function walkSflow(view: DataView, out: Walked): void {
  const end = view.byteLength;
  if (end < 28 || view.getUint32(0) !== 5) return;
  const samples = view.getUint32(24);
  let sum = 0;
  for (let i = 0, at = 28; i < samples && end - at >= 8; i++) {
    const format = view.getUint32(at), length = view.getUint32(at + 4);
    at += 8;
    if (length > end - at) break;
    const sampleEnd = at + length;
    if (format === 1 && length >= 32) {
      for (let word = 0; word < 8; word++) sum += view.getUint32(at + 4 * word);
      const count = view.getUint32(at + 28);
      for (let k = 0, record = at + 32; k < count && sampleEnd - record >= 8; k++) {
        const kind = view.getUint32(record), size = view.getUint32(record + 4);
        record += 8;
        if (size > sampleEnd - record) break;
        if (kind === 1 && size >= 16) {
          sum += view.getUint32(record) + view.getUint32(record + 4) + view.getUint32(record + 8);
          const header = view.getUint32(record + 12);
          if (header <= size - 16) sum += walkHeader(view, record + 16, record + 16 + header);
        }
        record += size + 3 & ~3;
      }
      out.records++;
    }
    at = sampleEnd;
  }
  out.sum += sum;
}

function walkHeader(view: DataView, at: number, end: number): number {
  if (end - at < 34) return 0;
  let sum = view.getUint16(at) + view.getUint32(at + 2) + view.getUint16(at + 6) + view.getUint32(at + 8);
  if (view.getUint16(at + 12) !== 0x0800) return sum;
  at += 14;
  const first = view.getUint8(at);
  if (first >> 4 !== 4) return sum;
  const proto = view.getUint8(at + 9);
  sum += view.getUint8(at + 1) + view.getUint16(at + 2) + view.getUint16(at + 4) + view.getUint16(at + 6) +
    view.getUint8(at + 8) + proto + view.getUint32(at + 12) + view.getUint32(at + 16);
  if ((view.getUint16(at + 6) & 0x1fff) !== 0) return sum;
  at += (first & 15) << 2;
  if (end - at < 4) return sum;
  if (proto === 6 || proto === 17) sum += view.getUint16(at) + view.getUint16(at + 2);
  if (proto === 6 && end - at >= 14) sum += view.getUint16(at + 12);
  return sum;
}
