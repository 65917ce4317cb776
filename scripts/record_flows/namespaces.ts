/** Two network namespaces and a cable between them, which vanish with the process. */
import { until } from "../../src/testing/mod.ts";
import { run } from "./tools.ts";

/** Addresses of this end and of the other. */
export const HERE = ["192.0.2.1", "2001:db8::1"] as const;
export const THERE = ["192.0.2.2", "2001:db8::2"] as const;
/** The interface at this end. */
export const CABLE = "flow0";

/** Runs this script again in a network namespace of its own, unless it is in one. @returns its exit code; null: inside */
export async function enterNamespace(): Promise<number | null> {
  if (Deno.env.get("FLOW_RECORDING") === "inside") return null;
  const script = new URL("../record_flows.ts", import.meta.url).pathname;
  const { code } = await new Deno.Command("unshare", {
    args: ["--net", Deno.execPath(), "run", "-A", script, ...Deno.args],
    env: { FLOW_RECORDING: "inside" },
  }).spawn().status;
  return code;
}

/** The other end. */
export interface OtherEnd extends AsyncDisposable {
  /** Runs a Deno program there. */
  deno(code: string): Promise<void>;
}

/** Lays the cable. Needs to be root in a namespace of one's own. */
export async function layCable(): Promise<OtherEnd> {
  const holder = new Deno.Command("unshare", { args: ["--net", "sleep", "infinity"] }).spawn();
  const there = (...args: string[]) => run("nsenter", ["-t", String(holder.pid), "-n", ...args]);
  await until(async () => await namespaceOf(holder.pid) !== await namespaceOf(Deno.pid));
  await run("ip", ["link", "set", "lo", "up"]);
  await run("ip", ["link", "add", CABLE, "type", "veth", "peer", "name", "flow1"]);
  await run("ip", ["link", "set", "flow1", "netns", String(holder.pid)]);
  await run("ip", ["link", "set", CABLE, "up", "address", "02:00:00:00:00:01"]);
  await there("ip", "link", "set", "flow1", "up", "address", "02:00:00:00:00:02");
  await run("ip", ["address", "add", `${HERE[0]}/24`, "dev", CABLE]);
  await run("ip", ["address", "add", `${HERE[1]}/64`, "dev", CABLE, "nodad"]);
  await there("ip", "address", "add", `${THERE[0]}/24`, "dev", "flow1");
  await there("ip", "address", "add", `${THERE[1]}/64`, "dev", "flow1", "nodad");
  return {
    async deno(code) {
      await there(Deno.execPath(), "eval", "--no-config", "--unstable-net", code);
    },
    async [Symbol.asyncDispose]() {
      holder.kill("SIGKILL");
      await holder.status;
    },
  };
}

async function namespaceOf(pid: number): Promise<string> {
  return await Deno.readLink(`/proc/${pid}/ns/net`);
}
