import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { lock } from '@raftway/contracts';
import { type RaftServed, serveSingle } from '../../test/lock-harness';

let served: RaftServed;
let raw: Client;
beforeAll(async () => {
  served = await serveSingle();
  raw = new Client(served.app.address, credentials.createInsecure());
});
afterAll(async () => {
  raw.close();
  await served.stop();
});

function send(method: string, bytes: Buffer): Promise<{ code: number; details: string }> {
  return new Promise((resolve) => {
    const path = `/raftway.lock.v1.LockService/${method}`;
    const same = (buffer: Buffer) => buffer;
    const done = (error: ServiceError | null) =>
      resolve({ code: error?.code ?? 0, details: error?.details ?? '' });
    raw.makeUnaryRequest(path, same, same, bytes, done);
  });
}

describe('bytes that are no request', () => {
  const methods = Object.values(lock.LockServiceService)
    .filter((method) => !method.requestStream)
    .map((method) => method.path.split('/').at(-1) ?? '');

  it.each(methods)(
    'are refused by %s with INVALID_ARGUMENT, and change nothing',
    async (method) => {
      const before = served.stateMachine.counts;

      // Field 1 as text of 100 bytes, of which none follow.
      expect(await send(method, Buffer.from([0x0a, 100]))).toMatchObject({ code: 3 });

      expect(served.stateMachine.counts).toEqual(before);
    },
  );

  it('are refused when they are too many, and the server goes on', async () => {
    const request = lock.AcquireRequest.fromPartial({ name: 'x'.repeat(5 * 1024 * 1024) });
    const bytes = Buffer.from(lock.AcquireRequest.encode(request).finish());

    expect(await send('Acquire', bytes)).toMatchObject({ code: 8 });

    expect((await served.client.acquire({ name: 'after' })).acquired).toBe(true);
  });

  it('for a method that does not exist are answered with UNIMPLEMENTED', async () => {
    expect(await send('Steal', Buffer.alloc(0))).toMatchObject({ code: 12 });
  });
});
