/** Frame types by name (RFC 9113 §6). */
export const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** One frame, right or wrong. */
export function frame(
  kind: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** A 32-bit number. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** One setting. */
export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), uint32(value)]);
}

/** An HPACK block of literals, without tables and without Huffman: written apart from the code under test. */
export function block(...pairs: string[]): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index < pairs.length; index += 2)
    parts.push(Buffer.from([0]), text(pairs[index] ?? ''), text(pairs[index + 1] ?? ''));
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length: number[] = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push(128 | (rest % 128));
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The headers of a good call. */
export const good = [
  ...[':method', 'POST', ':scheme', 'http', ':path', '/test.Echo/Bidi', ':authority', 'x'],
  ...['content-type', 'application/grpc', 'te', 'trailers'],
];

/** Headers of a good call, some replaced (undefined: left out), some added. */
export function callHeaders(
  changes: Readonly<Record<string, string | undefined>>,
  ...added: string[]
): string[] {
  const pairs: string[] = [];
  for (let index = 0; index < good.length; index += 2) {
    const name = good[index] ?? '';
    const value = name in changes ? changes[name] : good[index + 1];
    if (value !== undefined) pairs.push(name, value);
  }
  return [...pairs, ...added];
}

/** HEADERS of a call. */
export function headers(streamId: number, pairs: string[] = good, flags = 0): Buffer {
  return frame(type.headers, flags | flag.endHeaders, streamId, block(...pairs));
}
