import { createPrivateKey, X509Certificate } from "node:crypto";

/** Files in PEM. */
export interface HttpTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** When given, only clients with a certificate of these authorities may connect. */
  readonly clientCaFile?: string;
}

/** What the files hold, in PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

/**
 * Reads the files and makes sure that they can serve: the runtime itself starts with whatever it is given, and then
 * fails each handshake.
 *
 * @throws {Error} naming the file that can't be read or used
 */
export async function readTlsFiles({ certFile, keyFile, clientCaFile }: HttpTls): Promise<TlsMaterial> {
  const cert = await Deno.readTextFile(certFile);
  const key = await Deno.readTextFile(keyFile);
  const certificate = usable(certFile, () => new X509Certificate(cert));
  const privateKey = usable(keyFile, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) throw new Error(`the key in ${keyFile} is not that of ${certFile}`);
  if (clientCaFile === undefined) return { cert, key };
  const clientCa = await Deno.readTextFile(clientCaFile);
  usable(clientCaFile, () => new X509Certificate(clientCa));
  return { cert, key, clientCa };
}

function usable<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(`${file} can't be used: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
