/** The checksum beside a plain copy of the same bytes. */
import { crc32c } from "./crc32c.ts";

const bytes = crypto.getRandomValues(new Uint8Array(65_536));
const into = new Uint8Array(bytes.length);

Deno.bench("copying 64 KiB", { group: "64 KiB", baseline: true }, () => into.set(bytes));
Deno.bench("crc32c() of 64 KiB", { group: "64 KiB" }, () => void crc32c(bytes));
