// For tests: certificates made on the spot, so that no key lies in the repository.

/** A certificate and its key, in PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority that signs certificates for tests. */
export interface TestAuthority extends TestCertificate {
  /** A certificate for `localhost`, 127.0.0.1 and the name, fit for servers and clients. */
  issue(name: string): Promise<TestCertificate>;
}

const EC = { name: "ECDSA", namedCurve: "P-256" } as const;

/** Makes a new authority. */
export async function newTestAuthority(name: string): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(EC, true, ["sign", "verify"]);
  // basicConstraints: cA
  const extensions = [der(0x30, oid("551d13"), der(0x01, [0xff]), der(0x04, der(0x30, der(0x01, [0xff]))))];
  return {
    ...await certificate(name, name, keys.publicKey, keys, extensions),
    issue: async (subject) => {
      const own = await crypto.subtle.generateKey(EC, true, ["sign", "verify"]);
      const names = [der(0x82, ascii("localhost")), der(0x82, ascii(subject)), der(0x87, [127, 0, 0, 1])];
      const san = der(0x30, oid("551d11"), der(0x04, der(0x30, ...names)));
      const { cert } = await certificate(subject, name, own.publicKey, keys, [san]);
      return { cert, key: await pemKey(own.privateKey) };
    },
  };
}

/** RFC 5280 §4.1, signed with ECDSA and SHA-256. */
async function certificate(
  subject: string,
  issuer: string,
  publicKey: CryptoKey,
  signer: CryptoKeyPair,
  extensions: number[][],
): Promise<TestCertificate> {
  const algorithm = der(0x30, oid("2a8648ce3d040302"));
  const toSign = der(
    0x30,
    der(0xa0, der(0x02, [2])), // version 3
    der(0x02, [1, ...crypto.getRandomValues(new Uint8Array(8))]),
    algorithm,
    distinguishedName(issuer),
    der(0x30, der(0x17, ascii("200101000000Z")), der(0x17, ascii("491231235959Z"))),
    distinguishedName(subject),
    [...new Uint8Array(await crypto.subtle.exportKey("spki", publicKey))],
    der(0xa3, der(0x30, ...extensions)),
  );
  const raw = await crypto.subtle.sign({ ...EC, hash: "SHA-256" }, signer.privateKey, new Uint8Array(toSign));
  const [r, s] = [new Uint8Array(raw, 0, 32), new Uint8Array(raw, 32)];
  const signature = der(0x30, integer(r), integer(s));
  const whole = der(0x30, toSign, algorithm, der(0x03, [0], signature));
  return { cert: pem("CERTIFICATE", new Uint8Array(whole)), key: await pemKey(signer.privateKey) };
}

/** A tag, the length and the parts. */
function der(tag: number, ...parts: (number[] | Uint8Array)[]): number[] {
  const value = parts.flatMap((part) => [...part]);
  const { length } = value;
  if (length < 0x80) return [tag, length, ...value];
  return length < 0x100 ? [tag, 0x81, length, ...value] : [tag, 0x82, length >> 8, length & 0xff, ...value];
}

/** A positive INTEGER: no zeros in front but the one that keeps it positive. */
function integer(bytes: Uint8Array): number[] {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = bytes.subarray(start);
  return der(0x02, digits[0]! >= 0x80 ? [0, ...digits] : digits);
}

function distinguishedName(commonName: string): number[] {
  return der(0x30, der(0x31, der(0x30, oid("550403"), der(0x0c, ascii(commonName)))));
}

function oid(hex: string): number[] {
  return der(0x06, Uint8Array.fromHex(hex));
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function pemKey(key: CryptoKey): Promise<string> {
  return pem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", key)));
}

function pem(label: string, bytes: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${bytes.toBase64().replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;
}
