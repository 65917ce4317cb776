import { rootCertificates } from "node:tls";
import { createTransport } from "nodemailer";
import type { EmailNotifierConfig } from "./config.ts";
import { NotificationError, type Sender } from "./sender.ts";

/** A mail as a template wrote it. */
export interface Mail {
  readonly subject: string;
  /** `text/plain`, `text/html`. */
  readonly contentType: string;
  readonly body: string;
}

const SUBJECT = "Subject: ";
const IMPLICIT_TLS_PORT = 465;
const TIMEOUT_MS = 30_000;

/**
 * Reads a mail out of a rendered template: its first line is the subject, a line with the content type may stand anywhere.
 *
 * @throws {NotificationError} where it does not begin with a subject
 */
export function parseMail(text: string): Mail {
  if (!text.startsWith(SUBJECT)) {
    throw new NotificationError('Cannot send the mail: its template does not begin with "Subject: "');
  }
  let contentType = "text/plain";
  let subject: string | undefined;
  const body: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (subject === undefined && line.startsWith(SUBJECT)) subject = line.slice(SUBJECT.length);
    else if (line.startsWith("Content-Type: ")) {
      contentType = line.slice("Content-Type: ".length).replaceAll(";", " ").trim().split(/\s+/)[0] || contentType;
    } else if (!line.startsWith("MIME-version: ")) body.push(line);
  }
  return { subject: subject ?? "", contentType, body: body.join("\n") };
}

/** Sends texts as mails. */
export function newEmailSender(config: EmailNotifierConfig): Sender {
  const { server, port, from, to, authType, username, password, extraCa, noverify } = config;
  const transport = createTransport({
    host: server,
    port,
    secure: port === IMPLICIT_TLS_PORT,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(authType === "" ? {} : {
      auth: { user: username, pass: password },
      authMethod: authType === "plain" ? "PLAIN" : "CRAM-MD5",
    }),
    tls: {
      rejectUnauthorized: !noverify,
      ...(extraCa === "" ? {} : { ca: [...rootCertificates, Deno.readTextFileSync(extraCa)] }),
    },
  });
  return {
    async send(text) {
      const { subject, contentType, body } = parseMail(text);
      const content = /html/i.test(contentType) ? { html: body } : { text: body };
      try {
        await transport.sendMail({ from, to: to.split(",").map((one) => one.trim()), subject, ...content });
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : cause;
        throw new NotificationError(`Cannot send mail by ${server}:${port}: ${why}`, { cause });
      }
    },
    [Symbol.asyncDispose]() {
      transport.close();
      return Promise.resolve();
    },
  };
}
