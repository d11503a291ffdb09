import { Replay } from './replay';

function piecesOf(replay: Replay): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  replay.forEach((piece) => pieces.push(piece));
  return pieces;
}

describe('a request that is kept to be sent again', () => {
  it('is kept as it came when it is one chunk', () => {
    const chunk = Buffer.from('all of it');
    const replay = new Replay();

    replay.push(chunk);

    expect(piecesOf(replay)).toEqual([chunk]);
    expect(piecesOf(replay)[0]).toBe(chunk);
  });

  it('shows the same bytes as often as they are asked for, with those that came meanwhile', () => {
    const replay = new Replay();
    const chunks = [5, 3000, 1, 1, 2000, 7].map((bytes, at) => Buffer.alloc(bytes, at + 1));

    chunks.slice(0, 4).forEach((chunk) => replay.push(chunk));
    const before = Buffer.concat(piecesOf(replay));
    chunks.slice(4).forEach((chunk) => replay.push(chunk));

    expect(before).toEqual(Buffer.concat(chunks.slice(0, 4)));
    expect(Buffer.concat(piecesOf(replay))).toEqual(Buffer.concat(chunks));
    expect(replay.byteLength).toBe(5014);
  });

  it('costs a few objects when its bytes come one by one', () => {
    const replay = new Replay();

    for (let count = 0; count < 65_536; count += 1) replay.push(Buffer.from([count & 255]));

    expect(piecesOf(replay).length).toBeLessThan(20);
    expect(replay.byteLength).toBe(65_536);
  });
});
