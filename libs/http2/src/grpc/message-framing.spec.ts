import * as fc from 'fast-check';
import { frameMessage, MessageReader } from './message-framing';

const LIMIT = 1000;

function reader(bytesMax = LIMIT): MessageReader {
  return new MessageReader(bytesMax, (bytes) => new Error(`${bytes} are too many`));
}

function takeAll(from: MessageReader): Buffer[] {
  const messages: Buffer[] = [];
  for (let next = from.next(); next !== undefined; next = from.next()) messages.push(next.bytes);
  return messages;
}

describe('messages in a stream of data', () => {
  it('come out as they went in, wherever the stream was cut and whenever somebody takes them', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: LIMIT }), { maxLength: 20 });
    const cuts = fc.array(fc.nat(4000), { maxLength: 30 });
    fc.assert(
      fc.property(messages, cuts, fc.infiniteStream(fc.boolean()), (given, at, takesNow) => {
        const whole = Buffer.concat(given.map((message) => frameMessage(message)));
        const places = [...new Set([0, ...at, whole.length])]
          .filter((place) => place <= whole.length)
          .sort((a, b) => a - b);
        const taken: Buffer[] = [];
        const from = reader();
        places.slice(1).forEach((end, index) => {
          // A copy that is spoilt afterwards would show that a message was not taken out in time.
          from.push(Buffer.from(whole.subarray(places[index], end)));
          if (takesNow.next().value === true) taken.push(...takeAll(from));
        });
        taken.push(...takeAll(from));

        expect(taken.map((message) => message.toString('hex'))).toEqual(
          given.map((message) => Buffer.from(message).toString('hex')),
        );
        expect(from.waitingBytes).toBe(0);
        expect(from.hasNext).toBe(false);
      }),
    );
  });

  it('are parts of the chunk that they came in whole', () => {
    const chunk = Buffer.concat([
      frameMessage(Buffer.from('one')),
      frameMessage(Buffer.from('two')),
    ]);
    const from = reader();
    from.push(chunk);

    expect(from.next()?.bytes.buffer).toBe(chunk.buffer);
    expect(from.next()?.bytes.buffer).toBe(chunk.buffer);
  });

  it('keep their bytes when more arrives before they are looked at', () => {
    const from = reader();
    const first = frameMessage(Buffer.from('first'));
    from.push(first.subarray(0, 3));
    from.push(first.subarray(3));
    const message = from.next();
    for (let at = 0; at < 100; at += 1) from.push(frameMessage(Buffer.from(`next ${at}`)));

    expect(message?.bytes.toString()).toBe('first');
    expect(takeAll(from).map(String)).toEqual(Array.from({ length: 100 }, (_, at) => `next ${at}`));
  });

  it('above the limit are refused when the prefix has come, before anything is kept', () => {
    const from = reader();
    from.push(frameMessage(Buffer.alloc(LIMIT + 1)).subarray(0, 5));

    expect(from.hasNext).toBe(true);
    expect(() => from.next()).toThrow('1001 are too many');
  });

  it('tell whether they are compressed, and know no other flag', () => {
    const from = reader();
    from.push(Buffer.from([1, 0, 0, 0, 1, 7]));
    expect(from.next()).toMatchObject({ compressed: true });
    from.push(Buffer.from([2, 0, 0, 0, 0]));
    expect(() => from.next()).toThrow(RangeError);
  });

  it('that come byte by byte cost a bounded number of bytes each', () => {
    const from = reader(1_000_000);
    const message = frameMessage(Buffer.alloc(200_000, 7));
    for (const byte of message) from.push(Buffer.from([byte]));

    expect(from.waitingBytes).toBe(message.length);
    expect(from.next()?.bytes.equals(Buffer.alloc(200_000, 7))).toBe(true);
  });
});
