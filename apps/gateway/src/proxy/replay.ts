import { ChunkQueue } from '@raftway/http2';

/**
 * The bytes of a request, kept in case they have to be sent again.
 *
 * Most requests are one chunk, which is kept as it came. Of the others small pieces are copied together: a client may send its bytes one by one,
 * and each of them alone is an object of a hundred bytes.
 */
export class Replay {
  byteLength = 0;
  private first: Uint8Array | undefined;
  private rest: ChunkQueue | undefined;

  push(chunk: Uint8Array): void {
    this.byteLength += chunk.length;
    if (this.first === undefined) this.first = chunk;
    else (this.rest ??= new ChunkQueue()).push(chunk);
  }

  /** Shows all of it, in order. */
  forEach(use: (piece: Uint8Array) => void): void {
    if (this.first !== undefined) use(this.first);
    this.rest?.forEach(use);
  }
}
