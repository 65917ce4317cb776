import { isRetriable, protocolErrorName } from "./protocol_errors.ts";

/** What went wrong between us and a broker, or the token endpoint that we are known by. */
export type KafkaErrorCode =
  | "kafka.connect" // refused, unreachable, no such name, not in time: nothing was sent
  | "kafka.closed" // the connection was cut, or we closed it: what was sent may have been executed
  | "kafka.timeout" // no answer in time: it may have been executed
  | "kafka.tls" // a certificate that does not verify, a peer without TLS or one that wants it
  | "kafka.authentication" // credentials, a token or a mechanism that is refused
  | "kafka.unsupported" // no version of a request that both sides speak
  | "kafka.protocol" // an answer that can't be read
  | "kafka.answer"; // the broker's own error: see `number`

/** A request to a broker that did not succeed. Its message names the broker and the user, never a password. */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  /** The protocol's error number of a `kafka.answer`, else 0. */
  readonly number: number;

  constructor(readonly code: KafkaErrorCode, message: string, options: { cause?: unknown; number?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.number = options.number ?? 0;
  }

  /** A bounded word for counters: the protocol's name of an answer's error, else the code's last part. */
  get label(): string {
    return this.code === "kafka.answer" ? protocolErrorName(this.number) : this.code.slice("kafka.".length);
  }

  /** Whether the request may have been executed all the same. */
  get ambiguous(): boolean {
    return this.code === "kafka.closed" || this.code === "kafka.timeout";
  }

  /** Whether another try may succeed without anybody mending anything. */
  get retryable(): boolean {
    return this.code === "kafka.connect" || this.ambiguous ||
      (this.code === "kafka.answer" && isRetriable(this.number));
  }
}

/** The broker's error as one of ours: "Cannot `what`: NAME (the broker's own words)". */
export function answerError(number: number, what: string, message?: string | null): KafkaError {
  const words = message ? ` (${message})` : "";
  return new KafkaError("kafka.answer", `Cannot ${what}: the broker says ${protocolErrorName(number)}${words}`, {
    number,
  });
}

/**
 * What a failed connection means. The library's errors carry the useful one as a cause.
 *
 * @param target `host:port`
 * @param user whom it was to be, where there are credentials: "mechanism SCRAM-SHA-512, user alice"
 */
export function connectFailure(cause: unknown, target: string, user: string | undefined): KafkaError {
  const text = textsOf(cause);
  const fail = (code: KafkaErrorCode, why: string) =>
    new KafkaError(code, `Cannot connect to Kafka broker ${target}: ${why}`, { cause });
  if (/PLT_KFK_AUTHENTICATION|SASL_/.test(text)) {
    const mechanism = /suitable SASL mechanism|UNSUPPORTED_SASL_MECHANISM/.test(text);
    const why = mechanism ? "it does not know the mechanism" : "it refuses the credentials";
    return fail("kafka.authentication", `${why}${user === undefined ? "" : ` (${user})`}`);
  }
  if (/Broker requires TLS/.test(text)) return fail("kafka.tls", "it wants TLS; set tls");
  if (/ALTNAME|not valid for name|does not match certificate/i.test(text)) {
    return fail("kafka.tls", "its certificate is for another name; check tls.server_name");
  }
  if (/CERT|SELF_SIGNED|UnknownIssuer|certificate/i.test(text)) {
    return fail("kafka.tls", "its certificate, or ours, is not acceptable; check tls");
  }
  if (/TLS|SSL|EPROTO|wrong version|corrupt message/i.test(text)) {
    return fail("kafka.tls", "it does not speak TLS there, or refuses ours; check tls and the port");
  }
  if (/ENOTFOUND|EAI_AGAIN|failed to lookup/.test(text)) return fail("kafka.connect", "its name does not resolve");
  if (/ECONNREFUSED|refused/i.test(text)) return fail("kafka.connect", "it refused the connection");
  if (/timed out|ETIMEDOUT|PLT_KFK_TIMEOUT/i.test(text)) return fail("kafka.connect", "it did not answer in time");
  if (/ECONNRESET|Connection closed|reset/i.test(text)) {
    return fail("kafka.connect", "it closed the connection; does the port want TLS or SASL?");
  }
  return fail("kafka.connect", "no connection could be made");
}

/** For telling errors apart: messages and codes of an error, of what caused it and of the errors it is made of. */
export function textsOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 5) return "";
  const parts = error instanceof AggregateError ? error.errors.map((one) => textsOf(one, depth + 1)) : [];
  const { code = "", apiId = "" } = error as { code?: unknown; apiId?: unknown };
  return [`${error.message} ${code} ${apiId}`, ...parts, textsOf(error.cause, depth + 1)].join("\n");
}
