/**
 * Percent-encoding of `grpc-message`: everything but printable ASCII, and `%` itself, byte by byte in UTF-8. A space at either end is encoded,
 * too: a field value must not begin or end with one (RFC 9113 §8.2.1), and other people's messages do.
 */
export function percentEncode(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text) && text.trim() === text) return text;
  const bytes = Buffer.from(text, 'utf8');
  let result = '';
  for (const [index, byte] of bytes.entries()) {
    const isEnd = index === 0 || index === bytes.length - 1;
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25 && !(isEnd && byte === 0x20);
    result += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return result;
}

/** The bytes of a percent-encoded text. What is no escape stands for itself. */
export function percentDecode(text: string): Buffer {
  const unescaped = text.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(unescaped, 'latin1');
}
