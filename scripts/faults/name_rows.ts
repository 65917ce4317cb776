/** Faults of names and certificates. */
import { newAuthority } from "./certificates.ts";
import { startChild } from "./child.ts";
import { LONGEST_WAIT_MS, WAITS } from "./waits.ts";
import { NOISE_MS, requireRecovery } from "./connection_rows.ts";
import { HttpPeer, takesAll } from "./http_peer.ts";
import { conservationFindings } from "./page.ts";
import { NameService } from "./name_service.ts";
import { atOwnPort } from "./own_port.ts";
import type { Row, Trial } from "./trial.ts";
import { sleep, until } from "./wait.ts";

/** Whether a process may have a name server of its own here. */
async function mayHaveResolver(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("unshare", { args: ["-m", "true"], stderr: "null" }).output();
    return success && Deno.uid() === 0;
  } catch {
    return false; // there is no such program
  }
}

async function movedName(trial: Trial): Promise<void> {
  const { hosts, width } = trial.mode;
  const outageMs = trial.full ? 10_000 : 2_000;
  const slowly: typeof takesAll = async (exchange) => {
    await sleep(15 * width); // so that there is something left to deliver when the host moves
    await takesAll(exchange);
  };
  const before = trial.peers({ hostname: "127.0.0.2" });
  const after = before.map((peer, i) =>
    trial.own(new HttpPeer(`moved${i + 1}`, trial.oracle, { hostname: "127.0.0.3", port: peer.port }))
  );
  for (const peer of before) peer.script = slowly;
  const names = before.map((_, i) => `host${i + 1}.faults.test`);
  const urls = before.map(({ port }, i) => `http://${names[i]}:${port}`);
  let answer = "NXDOMAIN";
  const move = async (lookups: () => number, pending: () => number | undefined) => {
    trial.fault();
    await until(() => pending() !== undefined && lookups() > hosts, "the names were asked for");
    await sleep(outageMs);
    trial.require(
      before.concat(after).every(({ connects }) => connects === 0),
      "there were connects without an address",
    );
    answer = "127.0.0.2";
    await requireRecovery(trial, performance.now(), 0);
    await until(() => trial.oracle.requests.length > 10, "some of it was delivered");
    answer = "127.0.0.3";
    trial.fault();
    await sleep(200); // what was looked up just before is used
    const connects = before.reduce((sum, peer) => sum + peer.connects, 0);
    for (const peer of before) peer.cutAll();
    await until(() => pending() === 0, "everything is delivered");
    const late = before.reduce((sum, peer) => sum + peer.connects, 0) - connects;
    const moved = after.reduce((sum, peer) => sum + peer.connects, 0);
    // On a busy machine, a name looked up before the move may be connected to long after it: once for each request under way.
    trial.require(
      late <= hosts * width && moved > late,
      `${late} connects to the old address after the move, ${moved} to the new one`,
    );
  };

  if (!await mayHaveResolver()) {
    trial.note("without root there is no name server of its own: the names were resolved by the test");
    let lookups = 0;
    const delivery = await trial.deliver(urls.map((url) => ({ url })), {
      fetch: (url, init) => {
        lookups++;
        if (answer === "NXDOMAIN") {
          return Promise.reject(new TypeError("fetch failed", { cause: new Error("dns error") }));
        }
        return fetch(url.replace(/host\d+\.faults\.test/, answer), init);
      },
    });
    await delivery.offerAll(trial.batches());
    await move(() => lookups, () => delivery.books.pending);
    return await delivery.finish(trial, { repeats: "unanswered" });
  }
  const address = `127.77.${1 + trial.random.below(250)}.${1 + trial.random.below(250)}`;
  const service = trial.own(new NameService(address));
  service.answer = () => answer;
  const directory = await trial.directory();
  await Deno.writeTextFile(`${directory}/resolv.conf`, `nameserver ${address}\noptions timeout:1 attempts:1\n`);
  const own = `mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"`;
  const child = await startChild(trial, {
    directory: `${directory}/spool`,
    hosts: urls,
    mode: trial.mode,
    seed: trial.random.below(2 ** 31),
    firstId: 1,
    events: 10_000,
    pauseMs: 0,
    fsync: "interval",
    timeoutMs: 30_000,
  }, ["unshare", "-m", "sh", "-c", own, `${directory}/resolv.conf`]);
  trial.events += 10_000;
  const all = () => child.stored.reduce((sum, { count }) => sum + count, 0) === 10_000;
  await move(() => service.queries, () => all() ? child.books?.pending : undefined);
  await child.stop();
  trial.find(trial.oracle.findings({ repeats: "unanswered" }));
  trial.find(conservationFindings(child.books!));
}

/** A listener that never answers, and remembers the bytes it got and how long each connection lived. */
class SilentPeer implements AsyncDisposable {
  readonly bytes: Uint8Array[] = [];
  readonly livedMs: number[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #serving: Promise<void>;
  #closed = false;

  constructor() {
    this.#listener = atOwnPort((port) => Deno.listen({ hostname: "127.0.0.1", port }));
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const open: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) open.push(this.#listen(connection));
    } catch {
      // It was closed.
    }
    await Promise.all(open);
  }

  async #listen(connection: Deno.TcpConn): Promise<void> {
    const fromMs = performance.now();
    const some = new Uint8Array(65_536);
    try {
      for (let read; (read = await connection.read(some)) !== null;) this.bytes.push(some.slice(0, read));
    } catch {
      // Reset: it has ended all the same.
    }
    this.livedMs.push(performance.now() - fromMs);
    connection.close();
  }
}

async function badTls(trial: Trial): Promise<void> {
  const directory = await trial.directory();
  const authority = newAuthority("Faults");
  const addresses = ["127.0.0.1"];
  const good = authority.issue({ name: "good.test", addresses });
  const bad = {
    expired: authority.issue({ name: "good.test", addresses, notAfter: "210101000000Z" }),
    "of another name": authority.issue({ name: "other.test", addresses: ["127.0.0.9"] }),
    "of an unknown authority": newAuthority("Others").issue({ name: "good.test", addresses }),
  };
  const caFile = `${directory}/ca.pem`;
  await Deno.writeTextFile(caFile, authority.cert);
  const lastMs = trial.full ? 5_000 : 1_000;

  for (const [what, certificate] of Object.entries(bad)) {
    const peers = trial.peers({ certificate });
    const ports = peers.map(({ port }) => port);
    const delivery = await trial.deliver(peers, { name: what, config: { tls: { caFile } } });
    const fromMs = performance.now();
    await delivery.offerAll(trial.batches(2_500));
    await sleep(lastMs);
    const attempts = delivery.attempts("configuration");
    const most = peers.length * (trial.mode.width + 1 + Math.ceil((performance.now() - fromMs) / WAITS.holdMs));
    trial.fault(attempts);
    trial.require(
      attempts > 0 && attempts <= most,
      `${attempts} attempts at a certificate ${what}; ${most} are probes`,
    );
    trial.require(peers.every(({ requests }) => requests === 0), `a certificate ${what} was given requests`);
    const had = trial.oracle.requests.length;
    for (const peer of peers) await peer.stop();
    ports.map((port) => trial.own(new HttpPeer(`mended:${port}`, trial.oracle, { certificate: good, port })));
    await requireRecovery(trial, performance.now(), had, WAITS.holdMs + LONGEST_WAIT_MS);
    await delivery.finish(trial);
  }

  const timeoutMs = 600;
  const silent = Array.from({ length: trial.mode.hosts }, () => trial.own(new SilentPeer()));
  const urls = silent.map(({ port }) => ({ url: `https://127.0.0.1:${port}` }));
  const delivery = await trial.deliver(urls, { name: "silent", config: { tls: { caFile }, timeoutMs } });
  await delivery.offerAll(trial.batches(2_500));
  await until(() => silent.some(({ livedMs }) => livedMs.length > 1), "a handshake was given up");
  const lived = silent.flatMap(({ livedMs }) => livedMs);
  trial.fault(lived.length);
  const late = lived.filter((ms) => ms > timeoutMs * 1.1 + NOISE_MS);
  trial.require(late.length === 0, `handshakes of ${timeoutMs} ms took ${late.map(Math.round)} ms`);
  const sent = silent.flatMap(({ bytes }) => bytes);
  trial.require(sent.every(([first]) => first === 0x16), "something other than a handshake was sent"); // a TLS record's type
  const had = trial.oracle.requests.length;
  for (const peer of silent) await peer[Symbol.asyncDispose]();
  for (const { port } of silent) trial.own(new HttpPeer(`mended:${port}`, trial.oracle, { certificate: good, port }));
  await requireRecovery(trial, performance.now(), had, timeoutMs + LONGEST_WAIT_MS);
  await delivery.finish(trial, { repeats: "unanswered" });
}

export const nameRows: readonly Row[] = [
  { id: "FI-25", fault: "no such name, then another address", once: "failover_sync", run: movedName },
  { id: "FI-26", fault: "TLS: expired, wrong name, unknown, silent", once: "failover_async", run: badTls },
];
