import type { Section } from "../../config/mod.ts";
import type { BatchBuilder, Point } from "../../metric/mod.ts";
import type { Destination, Encoder } from "../contract.ts";
import { resolveIdentity, tagsWithoutSinks } from "../magic_tags.ts";
import { plainDecimal } from "../tsv.ts";
import { targetOf } from "./repeater_target.ts";
import { TcpRepeater } from "./repeater_tcp.ts";
import { UdpRepeater } from "./repeater_udp.ts";
import { intervalTotal, oncePerSeries } from "./series_points.ts";

/** The keys of `kind: prometheus_repeater`. */
export interface PrometheusRepeaterConfig {
  readonly networkType: "tcp" | "udp";
}

/** `NAME:VALUE|TYPE|#TAGS`, what a statsd exporter reads. */
function newRepeaterEncoder(): Encoder {
  const tagsOf = oncePerSeries((point) => {
    const { tags, device } = resolveIdentity(point);
    return tagText(device === "" ? tags : [...tags, `device:${device}`]);
  });
  return {
    point(point: Point, out: BatchBuilder): boolean {
      if (point.name === "" || !Number.isFinite(point.value)) return false;
      const isGauge = point.type === "gauge";
      const value = plainDecimal(isGauge ? point.value : intervalTotal(point));
      out.appendText(`${statsdName(point.name)}:${value}|${isGauge ? "g" : "c"}${tagsOf(point)}`);
      return true;
    },
    check({ name, status, tags }, out: BatchBuilder): boolean {
      if (name === "") return false;
      out.appendText(`${statsdName(name)}:${status}|g${tagText(tagsWithoutSinks(tags))}`);
      return true;
    },
  };
}

/** A name without what would end it. */
function statsdName(name: string): string {
  return name.replace(/[:|\r\n]/g, "_");
}

function tagText(tags: readonly string[]): string {
  return tags.length === 0 ? "" : `|#${tags.map((tag) => tag.replace(/[|,\r\n]/g, "_")).join(",")}`;
}

/** A statsd exporter, which is sent what was aggregated as statsd lines once more. */
export const prometheusRepeater: Destination<PrometheusRepeaterConfig> = {
  kind: "prometheus_repeater",
  sends: ["points", "checks"],
  defaultHosts: [],
  keys: ["network_type"],
  countsRepeats: true, // counters add up there
  readConfig(section: Section): PrometheusRepeaterConfig {
    for (const host of section.strings("hosts") ?? []) {
      if (!isTarget(host)) section.fail("hosts", "a list of host:port");
    }
    const tls = section.section("tls");
    const extra = tls.keys().some((key) => tls.has(key)) ? "tls" : section.has("proxy") ? "proxy" : undefined;
    if (extra !== undefined) section.fail(extra, "nothing: statsd lines go as they are");
    return { networkType: section.oneOf("network_type", ["tcp", "udp"]) ?? "tcp" };
  },
  newEncoder: newRepeaterEncoder,
  newClient: (host, _config, own, deps) =>
    own.networkType === "udp" ? new UdpRepeater(host) : new TcpRepeater(host, deps),
};

function isTarget(host: string): boolean {
  try {
    return targetOf(host).port !== 0;
  } catch (error) {
    if (error instanceof RangeError) return false; // the caller says what to write
    throw error;
  }
}
