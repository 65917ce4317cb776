/** Certificates made on the spot: good ones, and ones that must not be accepted. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is for. */
export interface Subject {
  /** Its common name, and a DNS name of it. */
  readonly name: string;
  /** IPv4 addresses it is for. */
  readonly addresses?: readonly string[];
  /** Its last second, `YYMMDDhhmmssZ`. @default the end of 2049 */
  readonly notAfter?: string;
}

/** Signs certificates. */
export interface Authority extends Certificate {
  issue(subject: Subject): Certificate;
}

const NOT_BEFORE = "200101000000Z";
const NOT_AFTER = "491231235959Z";
const ECDSA_SHA256 = der(0x30, oid("2a8648ce3d040302"));

/** Makes an authority. */
export function newAuthority(name: string): Authority {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const isAuthority = extension("551d13", der(0x30, der(0x01, [0xff])));
  return {
    ...certificate({ name }, name, publicKey, privateKey, privateKey, isAuthority),
    issue(subject) {
      const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const names = [
        der(0x82, bytes(subject.name)),
        ...(subject.addresses ?? []).map((address) => der(0x87, address.split(".").map(Number))),
      ];
      return certificate(
        subject,
        name,
        own.publicKey,
        own.privateKey,
        privateKey,
        extension("551d11", der(0x30, ...names)),
      );
    },
  };
}

/** RFC 5280 §4.1. */
function certificate(
  { name, notAfter = NOT_AFTER }: Subject,
  issuer: string,
  publicKey: KeyObject,
  ownKey: KeyObject,
  signer: KeyObject,
  ext: number[],
): Certificate {
  const toSign = der(
    0x30,
    der(0xa0, der(0x02, [2])), // version 3
    der(0x02, [1, ...crypto.getRandomValues(new Uint8Array(8))]),
    ECDSA_SHA256,
    commonName(issuer),
    der(0x30, der(0x17, bytes(NOT_BEFORE)), der(0x17, bytes(notAfter))),
    commonName(name),
    [...publicKey.export({ type: "spki", format: "der" })],
    der(0xa3, der(0x30, ext)),
  );
  const signature = sign("sha256", new Uint8Array(toSign), signer);
  const whole = der(0x30, toSign, ECDSA_SHA256, der(0x03, [0], signature));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${new Uint8Array(whole).toBase64()}\n-----END CERTIFICATE-----\n`,
    key: ownKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** A tag, the length and the parts. */
function der(tag: number, ...parts: (readonly number[] | Uint8Array)[]): number[] {
  const value = parts.flatMap((part) => [...part]);
  const { length } = value;
  if (length < 0x80) return [tag, length, ...value];
  return length < 0x100 ? [tag, 0x81, length, ...value] : [tag, 0x82, length >> 8, length & 0xff, ...value];
}

function extension(id: string, value: number[]): number[] {
  return der(0x30, oid(id), der(0x04, value));
}

function commonName(name: string): number[] {
  return der(0x30, der(0x31, der(0x30, oid("550403"), der(0x0c, bytes(name)))));
}

function oid(hex: string): number[] {
  return der(0x06, Uint8Array.fromHex(hex));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
