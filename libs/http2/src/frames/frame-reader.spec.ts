import * as fc from 'fast-check';
import { frame as frameBytes } from '../testing/raw-frames';
import { FrameReader } from './frame-reader';

type Seen = [type: number, flags: number, streamId: number, payload: string];

function readAll(chunks: readonly Buffer[]): Seen[] {
  const seen: Seen[] = [];
  const reader = new FrameReader({
    isClosed: false,
    isSated: false,
    onFrame: (type, flags, streamId, bytes, start, end) =>
      seen.push([type, flags, streamId, bytes.toString('hex', start, end)]),
  });
  for (const chunk of chunks) reader.feed(chunk);
  return seen;
}

describe('a frame reader', () => {
  const frame = fc.tuple(
    fc.integer({ min: 0, max: 255 }),
    fc.integer({ min: 0, max: 255 }),
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    fc.uint8Array({ maxLength: 60 }),
  );

  it('sees the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 10 }),
        fc.array(fc.nat(40), { maxLength: 80 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map((one) => frameBytes(...one)));
          const chunks: Buffer[] = [];
          let position = 0;
          for (const cut of cuts) {
            chunks.push(stream.subarray(position, position + cut));
            position += cut;
          }
          chunks.push(stream.subarray(position));

          const seen = readAll(chunks);

          expect(seen).toEqual(
            frames.map(([t, f, id, payload]) => [t, f, id, Buffer.from(payload).toString('hex')]),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('goes on where its handler had enough, in the same bytes', () => {
    const chunk = Buffer.concat([1, 3, 5].map((id) => frameBytes(0, 0, id, Buffer.alloc(20))));
    const seen: unknown[] = [];
    let isSated = false;
    const reader = new FrameReader({
      isClosed: false,
      get isSated() {
        return isSated;
      },
      onFrame: (_type, _flags, streamId, bytes) => {
        isSated = true;
        seen.push([streamId, bytes === chunk]);
      },
    });

    for (let from = 0; from < chunk.length; isSated = false) from = reader.feed(chunk, from);

    expect(seen).toEqual([1, 3, 5].map((id) => [id, true]));
  });

  it('takes the largest frame and refuses a larger one by its head', () => {
    const largest = frameBytes(0, 0, 1, Buffer.alloc(16_384));
    expect(readAll([largest.subarray(0, 5), largest.subarray(5)])).toHaveLength(1);

    const tooLarge = Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]);
    expect(() => readAll([tooLarge])).toThrow(expect.objectContaining({ code: 6 }) as Error);
    expect(() => readAll([tooLarge.subarray(0, 4), tooLarge.subarray(4)])).toThrow(
      expect.objectContaining({ code: 6 }) as Error,
    );
  });

  it('ignores the reserved bit of stream ids', () => {
    expect(readAll([Buffer.from([0, 0, 0, 6, 0, 0x80, 0, 0, 5])])).toEqual([[6, 0, 5, '']]);
  });
});
