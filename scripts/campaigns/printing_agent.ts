/** An agent whose standard output goes to a file, so that nobody has to keep up with reading it. */
import { type AgentProcess, LIMIER, startAgentProcess } from "../bench/agent_process.ts";

/** A started agent and its file. Disposing stops it and removes the file. */
export interface PrintingAgent extends AsyncDisposable {
  readonly process: AgentProcess;
  /** Where datagrams go: `127.0.0.1:PORT`. */
  readonly to: string;
  readonly port: number;
  /** What it prints. */
  readonly outputPath: string;
}

/** Starts an agent with that configuration, which must listen for UDP and HTTP on port 0. */
export async function startPrintingAgent(config: string): Promise<PrintingAgent> {
  const outputPath = await Deno.makeTempFile({ prefix: "limier_campaign_", suffix: ".jsonl" });
  try {
    // The shell replaces itself, so that the agent has the process id that was started.
    const command = ["/bin/sh", "-c", 'exec "$@" > "$0"', outputPath, ...LIMIER];
    const process = await startAgentProcess({ config, command });
    const port = process.port("udp://");
    return {
      process,
      to: `127.0.0.1:${port}`,
      port,
      outputPath,
      async [Symbol.asyncDispose]() {
        await process.stop();
        await Deno.remove(outputPath);
      },
    };
  } catch (error) {
    await Deno.remove(outputPath);
    throw error;
  }
}
