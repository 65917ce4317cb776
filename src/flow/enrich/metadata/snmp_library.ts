/** What is used of the SNMP library, which comes without types; and the ciphers that it doesn't find in Deno. */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** A value that an agent sent. */
export interface Varbind {
  readonly oid: string;
  readonly type: number;
  readonly value: unknown;
}

/** A socket to one agent. */
export interface SnmpSession {
  get(oids: readonly string[], done: (error: Error | null, varbinds?: readonly Varbind[]) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  /** Ends what is asked with an error. */
  cancelRequests(error: Error): void;
  close(): void;
}

/** A user of SNMPv3. */
export interface SnmpUser {
  readonly name: string;
  readonly level: number;
  readonly authProtocol?: number;
  readonly authKey?: string;
  readonly privProtocol?: number;
  readonly privKey?: string;
}

interface SessionOptions {
  readonly port: number;
  readonly retries: number;
  readonly timeout: number;
  readonly transport: "udp4" | "udp6";
  readonly version?: number;
  readonly context?: string;
}

/** What the library knows of the agent. */
interface Engine {
  readonly engineID: Buffer;
  readonly engineBoots: number;
  readonly engineTime: number;
}

interface Algorithm {
  readonly KEY_LENGTH: number;
  readonly localizationAlgorithm: (algorithm: Algorithm, auth: number, password: string, engineId: Buffer) => Buffer;
  encryptPdu(pdu: Buffer, protocol: number, password: string, auth: number, engine: Engine): {
    encryptedPdu: Buffer;
    msgPrivacyParameters: Buffer;
  };
  decryptPdu(pdu: Buffer, protocol: number, salt: Buffer, password: string, auth: number, engine: Engine): Buffer;
}

/** The parts of the library. */
export interface SnmpLibrary {
  readonly Version2c: number;
  readonly SecurityLevel: { readonly noAuthNoPriv: number; readonly authNoPriv: number; readonly authPriv: number };
  readonly Authentication: { passwordToKey(protocol: number, password: string, engineId: Buffer): Buffer };
  readonly Encryption: { readonly algorithms: Record<number, Algorithm> };
  createSession(target: string, community: string, options: SessionOptions): SnmpSession;
  createV3Session(target: string, user: SnmpUser, options: SessionOptions): SnmpSession;
  isVarbindError(varbind: Varbind): boolean;
}

/** The library's numbers of hashes. */
export const AUTH_NUMBERS = { none: 1, MD5: 2, SHA: 3, SHA224: 4, SHA256: 5, SHA384: 6, SHA512: 7 } as const;

/** The library's numbers of ciphers; it has none of 192 bits, which stand at numbers of ours. */
export const PRIVACY_NUMBERS = {
  none: 1,
  DES: 2,
  AES: 4,
  AES192: 5,
  AES256: 6,
  "AES192-C": 7,
  "AES256-C": 8,
} as const;

const BLOCK = 16;
let opening: Promise<SnmpLibrary> | undefined;

/**
 * Loads the library, and gives it ciphers: Deno has neither AES in CFB mode nor DES by name, and both can be made of what
 * it has.
 */
export function openSnmpLibrary(): Promise<SnmpLibrary> {
  return opening ??= load();
}

async function load(): Promise<SnmpLibrary> {
  const library = (await import("net-snmp")).default as unknown as SnmpLibrary;
  const { algorithms } = library.Encryption;
  const of = (number: number, keyBytes: number) => ({
    KEY_LENGTH: keyBytes,
    localizationAlgorithm: algorithms[number]!.localizationAlgorithm,
  });
  algorithms[PRIVACY_NUMBERS.AES192] = { ...algorithms[PRIVACY_NUMBERS.AES256]!, ...of(PRIVACY_NUMBERS.AES256, 24) };
  algorithms[PRIVACY_NUMBERS["AES192-C"]] = {
    ...algorithms[PRIVACY_NUMBERS["AES256-C"]]!,
    ...of(PRIVACY_NUMBERS["AES256-C"], 24),
  };
  for (const [name, number] of Object.entries(PRIVACY_NUMBERS)) {
    if (name === "none") continue;
    Object.assign(algorithms[number]!, name === "DES" ? desFunctions(library) : aesFunctions(library));
  }
  return library;
}

/** RFC 3826: AES in CFB mode of 128 bits; the vector is the engine's boots, its time and a salt. */
function aesFunctions(library: SnmpLibrary): Pick<Algorithm, "encryptPdu" | "decryptPdu"> {
  const { algorithms } = library.Encryption;
  const keyOf = (protocol: number, password: string, auth: number, { engineID }: Engine) =>
    algorithms[protocol]!.localizationAlgorithm(algorithms[protocol]!, auth, password, engineID);
  const vectorOf = ({ engineBoots, engineTime }: Engine, salt: Buffer) => {
    const vector = Buffer.alloc(BLOCK);
    vector.writeUInt32BE(engineBoots, 0);
    vector.writeUInt32BE(engineTime, 4);
    salt.copy(vector, 8, 0, 8);
    return vector;
  };
  return {
    encryptPdu(pdu, protocol, password, auth, engine) {
      const salt = randomBytes(8);
      const key = keyOf(protocol, password, auth, engine);
      return { encryptedPdu: cfb(key, vectorOf(engine, salt), pdu, true), msgPrivacyParameters: salt };
    },
    decryptPdu: (pdu, protocol, salt, password, auth, engine) =>
      cfb(keyOf(protocol, password, auth, engine), vectorOf(engine, salt), pdu, false),
  };
}

/** Cipher feedback: each block is mixed with the encrypted one before it. */
function cfb(key: Buffer, vector: Buffer, input: Buffer, encrypts: boolean): Buffer {
  const output = Buffer.alloc(input.length);
  const cipher = createCipheriv(`aes-${8 * key.length}-ecb`, key, null).setAutoPadding(false);
  let feedback: Uint8Array = vector;
  for (let at = 0; at < input.length; at += BLOCK) {
    const stream = cipher.update(feedback);
    const end = Math.min(at + BLOCK, input.length);
    for (let i = at; i < end; i++) output[i] = input[i]! ^ stream[i - at]!;
    feedback = (encrypts ? output : input).subarray(at, end);
  }
  return output;
}

/** RFC 3414 §8: DES in CBC mode; three times with one key, DES is DES. */
function desFunctions(library: SnmpLibrary): Pick<Algorithm, "encryptPdu" | "decryptPdu"> {
  const material = (password: string, auth: number, { engineID }: Engine, salt: Buffer) => {
    const localized = library.Authentication.passwordToKey(auth, password, engineID);
    const key = localized.subarray(0, 8), vector = Buffer.alloc(8);
    for (let i = 0; i < 8; i++) vector[i] = localized[8 + i]! ^ (salt[i] ?? 0);
    return { key: Buffer.concat([key, key, key]), vector };
  };
  return {
    encryptPdu(pdu, _protocol, password, auth, engine) {
      const salt = Buffer.concat([Buffer.from([0, 0, 0, 1]), randomBytes(4)]);
      const { key, vector } = material(password, auth, engine, salt);
      const padded = Buffer.concat([pdu, Buffer.alloc((8 - pdu.length % 8) % 8)]);
      const cipher = createCipheriv("des-ede3-cbc", key, vector).setAutoPadding(false);
      return { encryptedPdu: Buffer.concat([cipher.update(padded), cipher.final()]), msgPrivacyParameters: salt };
    },
    decryptPdu(pdu, _protocol, salt, password, auth, engine) {
      const { key, vector } = material(password, auth, engine, salt);
      const decipher = createDecipheriv("des-ede3-cbc", key, vector).setAutoPadding(false);
      return Buffer.concat([decipher.update(pdu), decipher.final()]);
    },
  };
}
