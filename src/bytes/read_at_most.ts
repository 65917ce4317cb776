/**
 * Reads a stream to its end, or until it has given more than `most` bytes: the rest is cancelled then, and what is
 * returned is cut to `most`. `null`, the body of an answer that has none, is empty.
 *
 * @throws whatever the stream breaks off with
 */
export async function readAtMost(
  stream: ReadableStream<Uint8Array> | null,
  most: number,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly isCut: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream ?? []) { // leaving the loop cancels the rest
    chunks.push(chunk);
    length += chunk.length;
    if (length > most) break;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes: bytes.subarray(0, most), isCut: length > most };
}
