import * as fc from 'fast-check';
import { ChunkQueue } from './chunk-queue';

describe('a chunk queue', () => {
  it('gives back the bytes in order, whatever their pieces', () => {
    const action = fc.oneof(
      fc.nat(3000),
      fc.nat(3000).map((bytes) => -bytes),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const queue = new ChunkQueue();
        let pushed = 0;
        let taken = 0;
        const drain = (bytes: number): void => {
          while (bytes > 0 && queue.byteLength > 0) {
            const piece = queue.take(bytes);
            for (const byte of piece) if (byte !== taken++ % 251) throw new Error('out of order');
            bytes -= piece.length;
          }
        };
        for (const size of actions) {
          if (size < 0) drain(-size);
          else queue.push(Buffer.from(Array.from({ length: size }, () => pushed++ % 251)));
          expect(queue.byteLength).toBe(pushed - taken);
        }
        drain(Number.MAX_SAFE_INTEGER);
        expect(taken).toBe(pushed);
      }),
      { numRuns: 200 },
    );
  });

  it('shows what waits without taking it', () => {
    const queue = new ChunkQueue();
    for (const bytes of [2000, 1, 1, 3000]) queue.push(Buffer.alloc(bytes, bytes));
    queue.take(500);
    const shown: Uint8Array[] = [];

    queue.forEach((piece) => shown.push(piece));

    expect(shown.map(({ length }) => length)).toEqual([1500, 2, 3000]);
    expect(queue.byteLength).toBe(4502);
    expect(queue.take(10_000)).toHaveLength(1500);
  });

  it('keeps one-byte pieces in few objects', () => {
    const queue = new ChunkQueue();
    for (let count = 0; count < 100_000; count += 1) queue.push(Buffer.from([count & 255]));
    let pieces = 0;

    for (; queue.byteLength > 0; pieces += 1) queue.take(1_000_000);

    expect(pieces).toBeLessThan(20);
  });
});
