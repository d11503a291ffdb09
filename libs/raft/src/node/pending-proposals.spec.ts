import { entryOf } from '../../test/support/entries';
import type { RaftError } from '../errors';
import { PendingProposals } from './pending-proposals';

function start() {
  const pending = new PendingProposals<string>({ countMax: 100, bytesMax: 1000 }, () => undefined);
  let ticket = 0;
  const add = (signal?: AbortSignal) =>
    pending
      .add({
        ticket: ++ticket,
        command: Buffer.from('command'),
        clientId: '',
        startedMs: 0,
        deadlineMs: 1000,
        leaderDeadlineMs: 500,
        signal,
        span: undefined,
      })
      .catch((error: RaftError) => `${error.code} ${error.reason ?? ''}`.trim());
  const take = () => pending.takeQueued(100, 1000).map((proposal) => proposal.ticket);
  const apply = (index: number, term: number, result: string) =>
    pending.onApplied(entryOf(index, term), { index, nowMs: 0, result });
  return { pending, add, take, apply };
}

describe('pending proposals', () => {
  it('yield the result whichever of place and entry comes first', async () => {
    const { pending, add, take, apply } = start();
    const first = add();
    const second = add();
    expect(take()).toEqual([1, 2]);

    pending.onPlaced({ ticket: 1, index: 7, term: 2 }, 6);
    apply(7, 2, 'seven');
    apply(8, 2, 'eight');
    pending.onPlaced({ ticket: 2, index: 8, term: 2 }, 8);

    expect(await first).toMatchObject({ index: 7, result: 'seven' });
    expect(await second).toMatchObject({ index: 8, result: 'eight' });
    expect(pending.count).toBe(0);
    expect(pending.byteCount).toBe(0);
  });

  it('are unknown when another term has the place, also when it was applied before', async () => {
    const { pending, add, take, apply } = start();
    const before = add();
    const after = add();
    take();
    pending.onPlaced({ ticket: 1, index: 7, term: 2 }, 6);

    apply(7, 3, 'somebody else');
    apply(8, 3, 'somebody else');
    pending.onPlaced({ ticket: 2, index: 8, term: 2 }, 8);

    expect(await before).toBe('outcomeUnknown overwritten');
    expect(await after).toBe('outcomeUnknown overwritten');
  });

  it('tell two terms’ proposals at one index apart', async () => {
    const { pending, add, take, apply } = start();
    const older = add();
    const newer = add();
    take();
    pending.onPlaced({ ticket: 1, index: 7, term: 2 }, 6);
    pending.onPlaced({ ticket: 2, index: 7, term: 3 }, 6);

    apply(7, 2, 'the older one won');

    expect(await older).toMatchObject({ result: 'the older one won' });
    expect(await newer).toBe('outcomeUnknown overwritten');
  });

  it('are unknown when the result is not kept any more', async () => {
    const { pending, add, take } = start();
    const call = add();
    take();
    pending.onPlaced({ ticket: 1, index: 7, term: 2 }, 10);
    expect(await call).toBe('outcomeUnknown resultEvicted');
  });

  it('wait for a leader when they were refused or never left, and are not tried again at once', async () => {
    const { pending, add, take } = start();
    const call = add();
    take();
    pending.onNeverSent([1]);
    expect(take()).toEqual([]);

    pending.retryPostponed(() => 2);
    expect(take()).toEqual([2]);
    pending.onPlaced({ ticket: 2, refusal: 'transferring' }, 0);
    pending.expire(499);
    pending.retryPostponed(() => 3);
    pending.expire(500);

    expect(await call).toBe('noLeader');
    expect(take()).toEqual([]);
  });

  it('are not kept once they are given up, however long nobody leads', async () => {
    const { pending, add } = start();
    const aborting = new AbortController();
    const calls = [add(), add(aborting.signal)];
    aborting.abort();

    pending.expire(500);

    expect(pending.queuedCount).toBe(0);
    expect(await Promise.all(calls)).toEqual(['noLeader', 'cancelled']);
  });

  it('have the time that their caller gave them once they have a place, whoever leads', async () => {
    const { pending, add, take, apply } = start();
    const call = add();
    take();
    pending.onLeaderChange(200);
    pending.onPlaced({ ticket: 1, index: 7, term: 2 }, 6);

    pending.expire(999);
    apply(7, 2, 'seven');

    expect(await call).toMatchObject({ result: 'seven' });
  });

  it('fail for certain when the leader is full', async () => {
    const { pending, add, take } = start();
    const call = add();
    take();
    pending.onPlaced({ ticket: 1, refusal: 'queueFull' }, 0);
    expect(await call).toBe('queueFull');
  });

  it('are certain to have no effect when cancelled before they were sent, and unknown afterwards', async () => {
    const { add, take } = start();
    const early = new AbortController();
    const queued = add(early.signal);
    early.abort();
    expect(take()).toEqual([]);
    const late = new AbortController();
    const sent = add(late.signal);
    take();
    late.abort();

    expect(await queued).toBe('cancelled');
    expect(await sent).toBe('outcomeUnknown cancelled');
  });

  it('give a forward up a moment after the leader changed, but not one that has a place', async () => {
    const { pending, add, take, apply } = start();
    const placed = add();
    const forwarded = add();
    take();
    pending.onPlaced({ ticket: 1, index: 7, term: 2 }, 6);

    pending.onLeaderChange(200);
    pending.expire(199);
    expect(pending.count).toBe(2);
    pending.expire(200);
    apply(7, 2, 'seven');

    expect(await forwarded).toBe('outcomeUnknown leaderChanged');
    expect(await placed).toMatchObject({ result: 'seven' });
  });

  it('are unknown when a snapshot replaces their place', async () => {
    const { pending, add, take } = start();
    const inside = add();
    const behind = add();
    take();
    pending.onPlaced({ ticket: 1, index: 7, term: 2 }, 6);
    pending.onPlaced({ ticket: 2, index: 8, term: 2 }, 6);

    pending.onSnapshotInstalled(7);
    pending.stop();

    expect(await inside).toBe('outcomeUnknown snapshotInstalled');
    expect(await behind).toBe('outcomeUnknown stopped');
  });

  it('are refused above the limit of bytes', async () => {
    const { pending } = start();
    const big = (length: number) =>
      pending.add({
        ticket: length,
        command: Buffer.alloc(length),
        clientId: '',
        startedMs: 0,
        deadlineMs: 1,
        leaderDeadlineMs: 1,
        signal: undefined,
        span: undefined,
      });
    const first = big(900).catch(() => 'stopped');
    await expect(big(101)).rejects.toMatchObject({ code: 'queueFull' });
    pending.stop();
    await first;
  });
});
