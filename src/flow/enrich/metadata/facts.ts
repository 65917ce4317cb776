/** What is known of exporters and their interfaces. */
import type { Section } from "../../../config/mod.ts";
import { Boundary } from "../../columns.ts";

/** What is known of an exporter; "" of an attribute: nothing. */
export interface ExporterFacts {
  readonly name: string;
  readonly group: string;
  readonly role: string;
  readonly site: string;
  readonly region: string;
  readonly tenant: string;
}

/** What is known of an interface; "" or 0 of an attribute: nothing. */
export interface InterfaceFacts {
  readonly name: string;
  readonly description: string;
  /** Mbit/s. */
  readonly speed: number;
  readonly provider: string;
  readonly connectivity: string;
  /** A value of {@linkcode Boundary}. */
  readonly boundary: number;
}

/** The answer to a question about an interface. */
export interface Metadata {
  readonly exporter: ExporterFacts;
  readonly interface: InterfaceFacts;
}

/** What a provider answers: facts; `null` that there are none; `"skip"` that another is to be asked. */
export type Answer = Metadata | null | "skip";

/** Somebody who knows exporters and their interfaces. */
export interface MetadataProvider extends Disposable {
  readonly type: string;
  /**
   * @param exporter the address in text form, IPv4 unmapped
   * @throws an error that has a constant `label` or is counted as `unknown`
   */
  query(exporter: string, ifIndex: number): Answer | Promise<Answer>;
}

/** An exporter of which nothing but its name is known. */
export function exporterNamed(name: string): ExporterFacts {
  return { name, group: "", role: "", site: "", region: "", tenant: "" };
}

/** Whether rules have nothing to add to an exporter. */
export function isClassifiedExporter({ group, role, site, region, tenant }: ExporterFacts): boolean {
  return group !== "" || role !== "" || site !== "" || region !== "" || tenant !== "";
}

/** Whether rules have nothing to add to an interface. */
export function isClassifiedInterface({ provider, connectivity, boundary }: InterfaceFacts): boolean {
  return provider !== "" || connectivity !== "" || boundary !== Boundary.undefined;
}

/** The keys of an interface in settings. */
export const INTERFACE_SETTINGS = ["name", "description", "speed", "provider", "connectivity", "boundary"] as const;

/** Reads an interface out of settings. @throws {ConfigError} */
export function readInterface(section: Section): InterfaceFacts {
  section.refuseOthers(INTERFACE_SETTINGS);
  return {
    name: section.string("name") ?? "",
    description: section.string("description") ?? "",
    speed: section.integer("speed", { atLeast: 0, atMost: 0xffff_ffff }) ?? 0,
    provider: section.string("provider") ?? "",
    connectivity: section.string("connectivity") ?? "",
    boundary: Boundary[section.oneOf("boundary", ["undefined", "external", "internal"]) ?? "undefined"],
  };
}
