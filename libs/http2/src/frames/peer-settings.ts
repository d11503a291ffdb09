import { http2Code } from '../http2-codes';
import { ConnectionError } from './connection-error';
import { readUint32 } from './frame-reader';
import { initialWindowBytes, settingId, windowBytesMax } from './protocol';
import { writeUint32 } from './output';

const settingBytes = 6;
/** Settings in one frame: six are defined, and some peers send a few of their own. */
const settingsMax = 32;
const frameSizeMin = 16_384;
const frameSizeMax = 2 ** 24 - 1;

/** What the peer has announced; the initial values are those of RFC 9113 §6.5.2. */
export class PeerSettings {
  headerTableSize = 4096;
  maxConcurrentStreams = Number.MAX_SAFE_INTEGER;
  initialWindowSize = initialWindowBytes;

  /** @param fromServer whether the peer is a server, which must not announce push (RFC 9113 §6.5.2). */
  constructor(private readonly fromServer: boolean) {}

  /** Applies the payload of a SETTINGS frame, in order. @throws ConnectionError for values that RFC 9113 §6.5.2 forbids */
  apply(bytes: Buffer, start: number, end: number): void {
    if ((end - start) % settingBytes !== 0)
      throw new ConnectionError(http2Code.frameSizeError, 'SETTINGS of no multiple of 6 bytes');
    if (end - start > settingsMax * settingBytes)
      throw new ConnectionError(http2Code.enhanceYourCalm, 'too many settings in one frame');
    for (let position = start; position < end; position += settingBytes) {
      const id = ((bytes[position] ?? 0) << 8) | (bytes[position + 1] ?? 0);
      this.set(id, readUint32(bytes, position + 2));
    }
  }

  private set(id: number, value: number): void {
    switch (id) {
      case settingId.headerTableSize:
        this.headerTableSize = value;
        break;
      case settingId.enablePush:
        if (value > (this.fromServer ? 0 : 1)) throw invalid('SETTINGS_ENABLE_PUSH');
        break;
      case settingId.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        break;
      case settingId.initialWindowSize:
        if (value > windowBytesMax)
          throw new ConnectionError(http2Code.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE');
        this.initialWindowSize = value;
        break;
      case settingId.maxFrameSize:
        // Our frames are never larger than every peer takes.
        if (value < frameSizeMin || value > frameSizeMax) throw invalid('SETTINGS_MAX_FRAME_SIZE');
        break;
      default:
        // Unknown settings are ignored; a header list limit is the peer's to enforce.
        break;
    }
  }
}

/** The payload of a SETTINGS frame from ids and values in turn. */
export function encodeSettings(pairs: readonly number[]): Buffer {
  const payload = Buffer.alloc((pairs.length / 2) * settingBytes);
  for (let index = 0; index < pairs.length; index += 2) {
    const position = (index / 2) * settingBytes;
    payload.writeUInt16BE(pairs[index] ?? 0, position);
    writeUint32(payload, position + 2, pairs[index + 1] ?? 0);
  }
  return payload;
}

function invalid(name: string): ConnectionError {
  return new ConnectionError(http2Code.protocolError, `invalid ${name}`);
}
