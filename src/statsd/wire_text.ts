/** `ignoreBOM`: a byte order mark in a title or a tag is part of it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of a whole field; what is not UTF-8 becomes U+FFFD. */
export function utf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
