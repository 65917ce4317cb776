import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { csvHeader } from "../tcpinfo/mod.ts";

const NAMES =
  `{"Timestamp":"0001-01-01T00:00:00Z","Metadata":{"UUID":"host_1700000000_1122334455667788","Sequence":0,` +
  `"StartTime":"2024-02-29T23:59:59.12Z"}}\n`;
const SOCKET =
  `{"Timestamp":"2024-02-29T23:59:59.12Z","RawIDM":"AgEBAAG7yCLAAAIKAAAAAAAAAAAAAAAAxjNkFwAAAAAAAAAAAAAAAA` +
  `IAAACId2ZVRDMiEcwAAAAAAAAAqAUAAOgDAABA4gEA","Attributes":[null,null,null,null,"Y3ViaWMA","EA==",null,null,"AA=="]}\n`;
const HEADER = `${csvHeader()}\n`;
const NAMES_ROW = `2009-05-29T23:59:59Z,0,0,${",".repeat(14)},,0,0,0,0,0,0${",".repeat(80)}\n`;
const SOCKET_ROW =
  "2024-02-29T23:59:59.12Z,152,0,2,1,1,0,443,51234,192.0.2.10,198.51.100.23,2,1122334455667788,204,0," +
  `1448,1000,123456,cubic,16,0,0,0,0,0${",".repeat(80)}\n`;

async function csv(args: readonly string[], input?: string): Promise<{ code: number; out: string; err: string }> {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", main, "tcpinfo", "csv", ...args],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  if (input !== undefined) await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

function zstd(text: string): Uint8Array {
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  return new Uint8Array(zstdCompressSync(new TextEncoder().encode(text), { params }));
}

function fileOf(name: string, ...parts: (string | Uint8Array)[]): string {
  const path = `${Deno.makeTempDirSync()}/${name}`;
  for (const part of parts) {
    Deno.writeFileSync(path, typeof part === "string" ? new TextEncoder().encode(part) : part, { append: true });
  }
  return path;
}

Deno.test("limier tcpinfo csv reads JSON lines from standard input", async () => {
  assert.deepEqual(await csv([], NAMES + SOCKET), { code: 0, out: HEADER + NAMES_ROW + SOCKET_ROW, err: "" });
  assert.deepEqual(await csv(["-"], SOCKET), { code: 0, out: HEADER + SOCKET_ROW, err: "" });
  assert.deepEqual(await csv([], ""), { code: 0, out: HEADER, err: "" });
});

Deno.test("limier tcpinfo csv reads a file of JSON lines, and one that ends in .zst of any number of frames", async () => {
  assert.deepEqual(await csv([fileOf("a.jsonl", NAMES, SOCKET)]), {
    code: 0,
    out: HEADER + NAMES_ROW + SOCKET_ROW,
    err: "",
  });
  assert.deepEqual(await csv([fileOf("a.jsonl.zst", zstd(NAMES), zstd(SOCKET.slice(0, 50)), zstd(SOCKET.slice(50)))]), {
    code: 0,
    out: HEADER + NAMES_ROW + SOCKET_ROW,
    err: "",
  });
});

Deno.test("limier tcpinfo csv prints more columns on request", async () => {
  const { code, out } = await csv(["--extra"], SOCKET);
  assert.equal(code, 0);
  assert.ok(out.startsWith(`${csvHeader(true)}\n${SOCKET_ROW.trimEnd()},,,`));
});

Deno.test("limier tcpinfo csv passes over blank lines, and says so", async () => {
  assert.deepEqual(await csv([], `\n${SOCKET}\n`), {
    code: 0,
    out: HEADER + SOCKET_ROW,
    err: "Passed over 2 blank lines\n",
  });
});

Deno.test("limier tcpinfo csv prints the rows before a line that is broken, says which it is, and ends with 1", async () => {
  const path = fileOf("a.jsonl", NAMES, SOCKET, "{}\n", SOCKET);
  assert.deepEqual(await csv([path]), {
    code: 1,
    out: HEADER + NAMES_ROW + SOCKET_ROW,
    err: `${path}: Cannot read line 3: it has neither RawIDM nor Metadata\n`,
  });
  const { code, out, err } = await csv([], `${SOCKET}{"half`);
  assert.deepEqual([code, out], [1, HEADER + SOCKET_ROW]);
  assert.match(err, /^standard input: Cannot read line 2: it is no JSON, /);
});

Deno.test("limier tcpinfo csv prints what can be read of a file that was cut off, and ends with 1", async () => {
  const frames = [zstd(NAMES), zstd(SOCKET), zstd(SOCKET)];
  const path = fileOf("a.jsonl.zst", ...frames.slice(0, 2), frames[2]!.subarray(0, 40));
  const { code, out, err } = await csv([path]);
  assert.deepEqual([code, out], [1, HEADER + NAMES_ROW + SOCKET_ROW]);
  assert.equal(
    err,
    `${path}: Cannot decompress the zstd frame at byte ${
      frames[0]!.length + frames[1]!.length
    }: the file ends inside it\n`,
  );
});

Deno.test("limier tcpinfo csv refuses two files and one that is not there, with 1", async () => {
  const { code, out, err } = await csv(["a", "b"]);
  assert.deepEqual([code, out, err.split("\n")[0]], [1, "", "Too many command-line arguments."]);
  const missing = await csv(["/nowhere/a.jsonl.zst"]);
  assert.deepEqual([missing.code, missing.out], [1, ""]);
  assert.match(missing.err, /^Cannot read \/nowhere\/a\.jsonl\.zst: /);
});
