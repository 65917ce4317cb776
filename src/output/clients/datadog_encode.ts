import type { BatchBuilder, Check, Event, Point, Span } from "../../metric/mod.ts";
import type { Encoder } from "../contract.ts";
import { JsonBytes } from "../json_bytes.ts";
import { jsonString, jsonTags } from "../json_text.ts";
import { resolveIdentity, tagsWithoutSinks } from "../magic_tags.ts";
import { datadogSpan, type TraceFormat } from "./datadog_spans.ts";

/**
 * Datadog's JSON objects, member by member in its order. The points of a flush come series by series, and those of one
 * series share time, tags and host, so the JSON of the last point's is kept.
 */
export class DatadogEncoder implements Encoder {
  /** `{"metric":"…","points":[[TIME,VALUE`, of which the first part is never written again. */
  readonly #head = new JsonBytes();
  readonly #headStart: number;
  #timestamp = NaN;
  /** `,"points":[[TIME,` */
  #pointsJson = "";
  readonly #tail = new JsonBytes();
  /** `]],"tags":[…],"type":"…",…}`: what points of one series and type have in common. */
  #tailJson: Uint8Array = new Uint8Array();
  #last: Point | undefined;

  /** Absent where there is no trace agent. */
  readonly span?: NonNullable<Encoder["span"]>;

  /** @param traceFormat how spans are written; absent: they are not */
  constructor(traceFormat?: TraceFormat) {
    if (traceFormat !== undefined) {
      this.span = (span: Span, out: BatchBuilder) => {
        out.appendText(datadogSpan(span, traceFormat));
        return true;
      };
    }
    this.#head.ascii('{"metric":');
    this.#headStart = this.#head.length;
  }

  point(point: Point, out: BatchBuilder): boolean {
    const { value, timestamp } = point;
    if (!Number.isFinite(value)) return false;
    if (timestamp !== this.#timestamp) {
      this.#timestamp = timestamp;
      this.#pointsJson = `,"points":[[${timestamp},`;
    }
    if (this.#last === undefined || !sharesTail(point, this.#last)) this.#writeTail(point);
    this.#last = point;
    const head = this.#head;
    head.rewind(this.#headStart);
    head.string(point.name);
    head.ascii(this.#pointsJson);
    head.ascii(String(value));
    out.append(head.written);
    out.append(this.#tailJson);
    return true;
  }

  event(event: Event, out: BatchBuilder): boolean {
    let text = `{"msg_title":${jsonString(event.title)},"msg_text":${jsonString(event.text)}`;
    if (event.timestamp !== 0) text += `,"timestamp":${event.timestamp}`;
    text += member("host", event.host) + member("aggregation_key", event.aggregationKey) +
      member("priority", event.priority) + member("source_type_name", event.sourceType) +
      member("alert_type", event.alertType) + tagsMember(event.tags);
    out.appendText(text + "}");
    return true;
  }

  check(check: Check, out: BatchBuilder): boolean {
    let text = `{"check":${jsonString(check.name)},"status":${check.status},"host_name":${
      jsonString(check.host ?? "")
    }`;
    if (check.timestamp !== 0) text += `,"timestamp":${check.timestamp}`;
    text += tagsMember(check.tags) + member("message", check.message);
    out.appendText(text + "}");
    return true;
  }

  #writeTail(point: Point): void {
    const { tags, host, device } = resolveIdentity(point);
    const json = this.#tail;
    json.rewind(0);
    json.ascii("]]");
    for (let i = 0; i < tags.length; i++) {
      json.ascii(i === 0 ? ',"tags":[' : ",");
      json.string(tags[i]!);
    }
    json.ascii(tags.length === 0 ? ',"type":"' : '],"type":"');
    json.ascii(point.type);
    json.ascii('"');
    if (host !== "") {
      json.ascii(',"host":');
      json.string(host);
    }
    if (device !== "") {
      json.ascii(',"device_name":');
      json.string(device);
    }
    if (point.interval && point.type !== "gauge") json.ascii(`,"interval":${point.interval}`);
    json.ascii("}");
    this.#tailJson = json.written;
  }
}

function sharesTail(a: Point, b: Point): boolean {
  return a.tags === b.tags && a.type === b.type && a.host === b.host && a.device === b.device &&
    a.interval === b.interval;
}

function member(name: string, value: string | undefined): string {
  return value === undefined || value === "" ? "" : `,"${name}":${jsonString(value)}`;
}

function tagsMember(tags: readonly string[]): string {
  return tagsWithoutSinks(tags).length === 0 ? "" : `,"tags":${jsonTags(tags)}`;
}
