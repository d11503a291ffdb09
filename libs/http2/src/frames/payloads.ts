import { http2Code } from '../http2-codes';
import { ConnectionError } from './connection-error';
import { frameFlag } from './protocol';

/** A piece is handed on as a part of what was read when it is this share of it; else it would keep alive too much. */
const keptShare = 4;

/** A broken rule without a code of its own. */
export function protocolError(message: string): ConnectionError {
  return new ConnectionError(http2Code.protocolError, message);
}

/** @throws ConnectionError FRAME_SIZE_ERROR for a payload of another length */
export function expectLength(what: string, length: number, expected: number): void {
  if (length !== expected)
    throw new ConnectionError(
      http2Code.frameSizeError,
      `${what} of another length than ${expected}`,
    );
}

/** Where a payload ends without its padding (RFC 9113 §6.1). @throws ConnectionError when it is all padding */
export function unpadded(flags: number, bytes: Buffer, start: number, end: number): number {
  if ((flags & frameFlag.padded) === 0) return end;
  if (end === start) throw new ConnectionError(http2Code.frameSizeError, 'padded and empty');
  const to = end - (bytes[start] ?? 0);
  if (to < start + 1) throw protocolError('more padding than payload');
  return to;
}

/** Data as it is handed on: in place, or copied when it is little of what was read, which would be kept as a whole. */
export function piece(bytes: Buffer, from: number, to: number): Buffer {
  if ((to - from) * keptShare >= bytes.length) return bytes.subarray(from, to);
  return Buffer.from(bytes.subarray(from, to));
}
