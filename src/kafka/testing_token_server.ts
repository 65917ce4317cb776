/** For tests: a token endpoint on the loopback address that answers as told. */

/** A request as the endpoint sees it. */
export interface TokenRequest {
  readonly method: string;
  readonly headers: Headers;
  /** Of the form in the body. */
  readonly form: Readonly<Record<string, string>>;
}

/** A running token endpoint. */
export interface TokenServer extends AsyncDisposable {
  readonly url: string;
  /** What it was asked so far. */
  readonly asked: readonly TokenRequest[];
}

/** Starts a token endpoint. @param answer of the request with this place in `asked` */
export function startTokenServer(answer: (index: number) => Response | Promise<Response>): TokenServer {
  const asked: TokenRequest[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const form = Object.fromEntries(new URLSearchParams(await request.text()));
    const index = asked.push({ method: request.method, headers: request.headers, form }) - 1;
    return await answer(index);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/token`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** An unsecured JWS (RFC 7515 appendix A.5), which brokers take unless told otherwise. */
export function unsecuredToken(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return `${part({ alg: "none" })}.${part(claims)}.`;
}
