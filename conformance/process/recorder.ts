/** One request as it came. */
export interface Recorded {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** An HTTP server on loopback that keeps every request. */
export interface Recorder extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly requests: readonly Recorded[];
  /** Resolves when `isThere` says so of the requests; rejects after a minute and a half. */
  until(isThere: (requests: readonly Recorded[]) => boolean): Promise<void>;
}

const PATIENCE_MS = 90_000;

/** Starts a server. @param answer what each request gets; 202 unless told otherwise */
export function startRecorder(
  answer: (request: Recorded) => Response | Promise<Response> = () => new Response("{}", { status: 202 }),
): Recorder {
  const requests: Recorded[] = [];
  const waiting = new Set<() => void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const recorded = {
      method: request.method,
      path: pathname + search,
      headers: request.headers,
      body: await request.bytes(),
    };
    requests.push(recorded);
    for (const look of waiting) look();
    return await answer(recorded);
  });
  const { port } = server.addr;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    until: (isThere) =>
      new Promise((resolve, reject) => {
        const settle = () => {
          clearTimeout(guard);
          waiting.delete(look);
        };
        const look = () => {
          if (!isThere(requests)) return;
          settle();
          resolve();
        };
        const guard = setTimeout(() => {
          settle();
          reject(new Error(`Cannot wait for requests: there are only ${requests.map(({ path }) => path).join(", ")}`));
        }, PATIENCE_MS);
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
