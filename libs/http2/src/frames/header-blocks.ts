import { http2Code } from '../http2-codes';
import { ConnectionError } from './connection-error';
import { frameFlag, framePayloadBytesMax } from './protocol';

/** Frames with little or nothing in them that one block may have beside those that its size explains. */
const slackFrames = 8;

/**
 * Puts HEADERS and CONTINUATION together (RFC 9113 §4.3, §6.10). Nothing may come in between, so that one connection keeps at most one block.
 *
 * Bounded in bytes, before anything is decoded, and in frames, because frames may be empty: the flood of CVE-2024-27316.
 */
export class HeaderBlocks {
  /** The stream whose block is not complete; 0 when there is none. */
  streamId = 0;
  endStream = false;
  private parts: Buffer[] = [];
  private byteLength = 0;
  private readonly bytesMax: number;
  private readonly framesMax: number;

  /** @param headerListBytesMax limit of the decoded list; a block may be twice as large, so that its stream alone can be refused. */
  constructor(headerListBytesMax: number) {
    this.bytesMax = 2 * headerListBytesMax + framePayloadBytesMax;
    this.framesMax = slackFrames + Math.ceil(this.bytesMax / framePayloadBytesMax);
  }

  /** A block that does not end with its HEADERS frame. */
  begin(streamId: number, endStream: boolean, fragment: Buffer): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.parts = [Buffer.from(fragment)];
    this.byteLength = fragment.length;
  }

  /** A CONTINUATION. Returns the block when this was the last. @throws ConnectionError */
  continue(streamId: number, flags: number, fragment: Buffer): Buffer | undefined {
    if (this.streamId === 0 || streamId !== this.streamId)
      throw new ConnectionError(http2Code.protocolError, 'CONTINUATION without HEADERS');
    this.byteLength += fragment.length;
    if (this.byteLength > this.bytesMax || this.parts.length >= this.framesMax)
      throw new ConnectionError(http2Code.enhanceYourCalm, 'header block too long');
    this.parts.push(Buffer.from(fragment));
    if ((flags & frameFlag.endHeaders) === 0) return undefined;
    const block = Buffer.concat(this.parts);
    this.parts = [];
    this.streamId = 0;
    return block;
  }
}
