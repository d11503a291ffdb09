import { isOneMessage } from './call-hedging';
import { Replay } from './replay';

function requestOf(...pieces: (readonly number[])[]): Replay {
  const request = new Replay();
  for (const piece of pieces) request.push(Buffer.from(piece));
  return request;
}

describe('a request', () => {
  it.each<[string, boolean, (readonly number[])[]]>([
    ['with one message', true, [[0, 0, 0, 0, 2, 7, 7]]],
    ['with an empty one', true, [[0, 0, 0, 0, 0]]],
    ['that came byte by byte', true, [[1], [0], [0], [0], [2], [7], [7]]],
    [
      'with two messages',
      false,
      [
        [0, 0, 0, 0, 1, 7],
        [0, 0, 0, 0, 1, 7],
      ],
    ],
    ['without one', false, []],
    ['that lacks something', false, [[0, 0, 0, 1, 0, 7]]],
    ['whose prefix is not whole', false, [[0, 0, 0]]],
  ])('%s: %s', (_, expected, pieces) => {
    expect(isOneMessage(requestOf(...pieces))).toBe(expected);
  });
});
