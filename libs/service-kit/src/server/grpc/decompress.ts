import { gunzipSync, inflateSync } from 'node:zlib';
import { Code, ServiceError } from '@raftway/errors';

/** What clients are told that they may send. */
export const acceptedEncodings = 'identity,deflate,gzip';

/**
 * Decompresses one message. At once: a message is small, and its size afterwards is bounded as well.
 *
 * @throws ServiceError UNIMPLEMENTED `ENCODING_UNSUPPORTED`, INVALID_ARGUMENT `MALFORMED_REQUEST`, or what `tooLarge` makes.
 */
export function decompress(
  bytes: Buffer,
  encoding: string,
  bytesMax: number,
  tooLarge: () => ServiceError,
): Buffer {
  const inflate = { gzip: gunzipSync, deflate: inflateSync }[encoding];
  if (inflate === undefined)
    throw new ServiceError({
      code: Code.unimplemented,
      reason: 'ENCODING_UNSUPPORTED',
      message: `a compressed message with the encoding "${encoding}"; accepted are ${acceptedEncodings}`,
    });
  try {
    return inflate(bytes, { maxOutputLength: bytesMax });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new ServiceError({
      code: Code.invalidArgument,
      reason: 'MALFORMED_REQUEST',
      message: `the request's message is not what ${encoding} makes`,
      cause,
    });
  }
}
