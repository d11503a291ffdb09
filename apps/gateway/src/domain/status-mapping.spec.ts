import { Code } from '@raftway/errors';
import { grpcStatusOf, statusOf } from './status-mapping';

describe('the status of a response', () => {
  it.each([
    [['grpc-status', '0'], 0],
    [['grpc-status', '16'], Code.unauthenticated],
    [['grpc-status', '17'], Code.unknown],
    [['grpc-status', ''], Code.unknown],
    [['grpc-status', '0x5'], Code.unknown],
    [['grpc-status', 'OK'], Code.unknown],
    [[':status', '503'], Code.unavailable],
    [[':status', '200'], Code.unknown],
    [[], Code.unknown],
  ])('of %j is %d', (headers, code) => {
    expect(statusOf(headers)).toBe(code);
  });

  it('has no details when they are broken', () => {
    const broken = Buffer.from([0x0a, 0xff]).toString('base64');
    expect(
      grpcStatusOf([
        ...['grpc-status', '5', 'grpc-message', 'n%C3%B6'],
        ...['grpc-status-details-bin', broken],
      ]),
    ).toEqual({ code: Code.notFound, message: 'nö', details: [] });
  });
});
