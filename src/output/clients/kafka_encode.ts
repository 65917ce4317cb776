import { ProtoWriter } from "../../bytes/mod.ts";
import type { Batch, BatchBuilder, Point, Span } from "../../metric/mod.ts";
import type { Encoder } from "../contract.ts";
import { jsonString, jsonTags } from "../json_text.ts";
import { checkLine, eventLine } from "../lines.ts";
import { resolveIdentity } from "../magic_tags.ts";
import type { KafkaConfig } from "./kafka_config.ts";
import { newSpanSampler, spanJson, writeSpan } from "./kafka_span.ts";
import { intervalTotal, oncePerSeries } from "./series_points.ts";

/** In front of each message of a batch: the number that chooses its partition, which Kafka is not told. */
const HASH_BYTES = 4;

/** A message of a batch: a view, valid as long as the batch is. */
export interface KafkaMessage {
  /** Equal for points of one series, spans of one trace, and events and checks of one name. */
  readonly hash: number;
  readonly value: Uint8Array;
}

/** The messages of a batch. */
export function batchMessages(batch: Batch): KafkaMessage[] {
  const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  let start = 0;
  return Array.from(batch.ends, (end) => {
    const message = { hash: view.getUint32(start), value: batch.bytes.subarray(start + HASH_BYTES, end) };
    start = end;
    return message;
  });
}

/** One message for each value, of the kinds that have a topic. */
export function newKafkaEncoder(own: KafkaConfig): Encoder {
  const head = new Uint8Array(HASH_BYTES);
  const headView = new DataView(head.buffer);
  const begin = (hash: number, out: BatchBuilder): void => {
    headView.setUint32(0, hash);
    out.append(head);
  };
  const append = (hash: number, text: string, out: BatchBuilder): true => {
    begin(hash, out);
    out.appendText(text);
    return true;
  };
  const pointJson = own.metricJson === "v14" ? newGoJson() : newPointJson();
  const seriesHash = oncePerSeries(({ tags, host = "", device = "" }) =>
    textHash(device, textHash(host, tagsHash(tags)))
  );
  const isSent = newSpanSampler({ percent: own.spanSampleRatePercent, tag: own.spanSampleTag });
  const writer = new ProtoWriter();
  const asJson = own.spanSerializationFormat === "json";
  return {
    ...(own.metricTopic === "" ? {} : {
      point: (point, out) =>
        Number.isFinite(point.value) && append(textHash(point.name, seriesHash(point)), pointJson(point), out),
    }),
    ...(own.eventTopic === "" ? {} : { event: (event, out) => append(textHash(event.title), eventLine(event), out) }),
    ...(own.checkTopic === "" ? {} : { check: (check, out) => append(textHash(check.name), checkLine(check), out) }),
    ...(own.spanTopic === "" ? {} : {
      span(span: Span, out: BatchBuilder) {
        if (!isSent(span)) return false;
        const hash = textHash(String(span.traceId));
        if (asJson) return append(hash, spanJson(span), out);
        writer.reset();
        writeSpan(span, writer);
        begin(hash, out);
        out.append(writer.view());
        return true;
      },
    }),
  };
}

/** `{"name","timestamp","value","tags","type","host","device"}`, the last two only where there are any. */
function newPointJson(): (point: Point) => string {
  const identityOf = oncePerSeries((point) => {
    const { host, device } = resolveIdentity(point);
    return {
      tags: jsonTags(point.tags),
      end: (host === "" ? "" : `,"host":${jsonString(host)}`) +
        (device === "" ? "" : `,"device":${jsonString(device)}`),
    };
  });
  return (point) => {
    const { tags, end } = identityOf(point);
    const [type, value] = point.type === "gauge" ? ["gauge", point.value] : ["counter", intervalTotal(point)];
    return `{"name":${jsonString(point.name)},"timestamp":${point.timestamp},"value":${value},"tags":${tags}` +
      `,"type":"${type}"${end}}`;
  };
}

/** What Veneur 14 sends: its own structure, as Go writes it when it is told nothing. */
function newGoJson(): (point: Point) => string {
  const tagsOf = oncePerSeries(({ tags }) => jsonTags(tags));
  return (point) => {
    const [type, value] = point.type === "gauge" ? [1, point.value] : [0, intervalTotal(point)];
    return `{"Name":${jsonString(point.name)},"Timestamp":${point.timestamp},"Value":${value},"Tags":${tagsOf(point)}` +
      `,"Type":${type},"Message":"","HostName":"","Sinks":null}`;
  };
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over UTF-16 code units: spread evenly is all it has to be. */
function textHash(text: string, seed: number = FNV_OFFSET): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return (hash ^ hash >>> 15) >>> 0;
}

function tagsHash(tags: readonly string[]): number {
  let hash = FNV_OFFSET;
  for (const tag of tags) hash = textHash(tag, hash);
  return hash;
}
