/** Bytes of base64 that come in pieces cut anywhere, as in gRPC-Web's text mode. Padding may come within: each part of a body is encoded by itself. */
export class Base64Decoder {
  private rest = '';

  /** Whether the last piece ended within a group of four. */
  get isIncomplete(): boolean {
    return this.rest !== '';
  }

  /** What can be decoded by now; undefined when it is no base64. */
  decode(piece: Uint8Array): Buffer | undefined {
    const { buffer, byteOffset, byteLength } = piece;
    const text = this.rest + Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
    const whole = text.length - (text.length % 4);
    this.rest = text.slice(whole);
    const groups = text.slice(0, whole);
    if (!alphabet.test(groups) || !alphabet.test(this.rest)) return undefined;
    if (!groups.includes('=')) return Buffer.from(groups, 'base64');
    return decodePadded(groups);
  }
}

const alphabet = /^[A-Za-z0-9+/=]*$/;

/** Node stops at the first padding, so each run up to one is decoded by itself. */
function decodePadded(groups: string): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let start = 0; start < groups.length;) {
    const padding = groups.indexOf('=', start);
    const end = padding < 0 ? groups.length : padding - (padding % 4) + 4;
    const part = groups.slice(start, end);
    if (!/^[^=]*={0,2}$/.test(part)) return undefined;
    parts.push(Buffer.from(part, 'base64'));
    start = end;
  }
  return Buffer.concat(parts);
}
