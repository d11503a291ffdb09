import type { RaftError } from '../errors';
import { PendingReads } from './pending-reads';

describe('pending reads', () => {
  it('are not kept once they are given up, however long nobody leads', async () => {
    const reads = new PendingReads(10, () => undefined);
    const aborting = new AbortController();
    const calls = [reads.add(0, 100, undefined), reads.add(0, 1000, aborting.signal)];
    const codes = calls.map((call) => call.catch((error: RaftError) => error.code));
    aborting.abort();

    reads.expire(100, 0);

    expect(reads.queuedCount).toBe(0);
    expect(await Promise.all(codes)).toEqual(['deadlineExceeded', 'cancelled']);
  });
});
