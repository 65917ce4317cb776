import assert from "node:assert/strict";
import { tracePurchase } from "./trace.ts";

// Whatever the agent and the tracers open has to be gone once they are disposed of.
const SANITIZED = { sanitizeOps: true, sanitizeResources: true, sanitizeExit: true } as const;

interface Sent {
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_id?: string;
  readonly name: string;
  readonly service: string;
  readonly resource: string;
  readonly error: number;
  readonly duration: string;
  readonly meta: Readonly<Record<string, string>>;
}

/** The traces of a request's body; numbers stay texts, as ids are beyond 2^53. */
function tracesOf(body: string): Sent[][] {
  return JSON.parse(body.replace(/(?<=":)([0-9]+)(?=[,}])/g, '"$1"')) as Sent[][];
}

const transports: [what: string, listen: () => Promise<string>][] = [
  ["UDP", () => Promise.resolve("udp://127.0.0.1:0")],
  ["a unix socket", async () => `unix://${await Deno.makeTempDir()}/ssf.sock`],
  ["TCP", () => Promise.resolve("tcp://127.0.0.1:0")],
];
for (const [what, listen] of transports) {
  Deno.test({
    name: `an app's spans get to the trace agent by way of an agent that listens on ${what}`,
    ...SANITIZED,
    sanitizeResources: what !== "a unix socket", // the lock on its path needs the C library, which stays loaded
    async fn() {
      const requests: [line: string, body: string][] = [];
      const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
        requests.push([`${request.method} ${new URL(request.url).pathname}`, await request.text()]);
        return new Response("{}");
      });
      const { ids, points } = await tracePurchase(`http://127.0.0.1:${server.addr.port}`, await listen());
      await server.shutdown();
      const [checkoutId, chargeId, bookId] = ids;

      assert.ok(requests.length > 0 && requests.every(([line]) => line === "PUT /v0.3/traces"));
      const spans = requests.flatMap(([, body]) => tracesOf(body).flat());
      const shown = spans.map(({ name, service, resource, error }) => [name, service, resource, Number(error)]);
      assert.deepEqual(shown.toSorted(), [
        ["book", "pay", "unknown", 2],
        ["charge", "shop", "POST /charge", 0],
        ["checkout", "shop", "unknown", 0],
      ]);
      const [book, charge, checkout] = spans.toSorted((a, b) => a.name < b.name ? -1 : 1);
      assert.deepEqual([checkout!.span_id, checkout!.parent_id], [String(checkoutId), undefined]);
      assert.deepEqual([charge!.span_id, charge!.parent_id], [String(chargeId), String(checkoutId)]);
      assert.deepEqual([book!.span_id, book!.parent_id], [String(bookId), String(chargeId)]);
      assert.ok(spans.every(({ trace_id }) => trace_id === String(checkoutId)));
      assert.deepEqual(checkout!.meta, { env: "prod" });
      assert.equal(book!.meta["error.msg"], "no funds");

      const measured = points.filter(({ name }) => !name.startsWith("veneur."))
        .map(({ name, total, tags }) => [name, total, tags.join()]);
      assert.deepEqual(measured.toSorted(), [
        ["checkouts", 2, "currency:EUR"],
        ["latency.count", 1, "error:false,service:shop"],
      ]);
    },
  });
}
