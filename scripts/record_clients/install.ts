/** The clients whose datagrams are recorded, in the versions that the fixtures name. */
export const CLIENTS = { "hot-shots": "17.1.1", "dd-trace": "6.21.0" } as const;
export type ClientName = keyof typeof CLIENTS;

/** A folder with the clients in its `node_modules`; disposing removes it. */
export interface ClientFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * Installs the clients into a temporary folder, without running their install scripts.
 *
 * @throws {Error} when npm fails
 */
export async function installClients(): Promise<ClientFolder> {
  const path = await Deno.makeTempDir({ prefix: "limier_clients_" });
  const remove = () => Deno.remove(path, { recursive: true });
  await Deno.writeTextFile(`${path}/package.json`, '{"private":true}\n');
  const packages = Object.entries(CLIENTS).map(([name, version]) => `${name}@${version}`);
  const { success, stderr } = await new Deno.Command("npm", {
    args: ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...packages],
    cwd: path,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    await remove();
    throw new Error(`Cannot install ${packages.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
  }
  return { path, [Symbol.asyncDispose]: remove };
}
