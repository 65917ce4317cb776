import { MessageCursor, NetlinkType, Step } from "../linux/mod.ts";

/** AF_INET, ESTABLISHED, 192.0.2.10:443 to 198.51.100.23:51234, interface 2, cookie 0x1122334455667788. */
export const V4 =
  "0201010001bbc822c000020a000000000000000000000000c6336417000000000000000000000000020000008877665544332211" +
  "cc00000000000000a8050000e803000040e20100";

/** Bytes from hex. */
export function bytesOf(...hex: string[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(hex.join(""));
}

/** A message around a payload in hex. */
export function message(payload: string, { type = 20, flags = 2, sequence = 1, portId = 4321 } = {}): string {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setUint32(0, 16 + payload.length / 2, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, portId, true);
  return header.toHex() + payload;
}

/** Payloads of the sockets in the fixtures: their bytes, and where they begin and end. */
export function* fixturePayloads(): Generator<{ name: string; bytes: Uint8Array; start: number; end: number }> {
  const folder = new URL("../../testdata/inet-diag/", import.meta.url);
  for (const name of [...Deno.readDirSync(folder)].map(({ name }) => name).sort()) {
    for (const bytes of datagramsOf(name, new URL(name, folder))) {
      const cursor = new MessageCursor();
      cursor.load(bytes, 0, bytes.length);
      while (cursor.next() === Step.message) {
        if (cursor.type === NetlinkType.socket) yield { name, bytes, start: cursor.payload, end: cursor.end };
      }
    }
  }
}

function datagramsOf(name: string, file: URL): Uint8Array[] {
  if (name.endsWith(".bin")) return [Deno.readFileSync(file)];
  if (!name.endsWith(".hex")) return [];
  const lines = Deno.readTextFileSync(file).split("\n").map((line) => line.replace(/\s/g, ""));
  return lines.filter((line) => /^([0-9a-f]{2})+$/.test(line)).map((line) => Uint8Array.fromHex(line));
}
