import { entriesOf, persistOf } from '../../test/support/entries';
import type { Message, Persist } from '../core';
import { MemoryStorage } from '../storage/memory-storage';
import { mergePersists, PersistQueue } from './persist-queue';

/** A storage whose writes end when the test says so. */
class SlowStorage extends MemoryStorage {
  readonly writes: Persist[] = [];
  private finish: ((error?: Error) => void) | undefined;

  override persist(batch: Persist): Promise<void> {
    this.writes.push(batch);
    return new Promise((resolve, reject) => {
      this.finish = (error) => (error === undefined ? resolve() : reject(error));
    });
  }

  async end(error?: Error): Promise<void> {
    this.finish?.(error);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function start() {
  const storage = new SlowStorage();
  const events: string[] = [];
  const queue = new PersistQueue(storage, {
    send: (messages) => events.push(...messages.map(({ type }) => `send ${type}`)),
    onPersisted: ({ number }) => events.push(`persisted ${number}`),
    onFatal: (error) => events.push(`fatal ${(error as Error).message}`),
  });
  return { storage, events, queue };
}

const vote: Message = {
  type: 'requestVoteReply',
  from: 1,
  to: 2,
  term: 1,
  preVote: false,
  granted: true,
};
const ack: Message = {
  type: 'appendEntriesReply',
  from: 1,
  to: 2,
  term: 1,
  success: true,
  matchIndex: 1,
  hintIndex: 0,
  hintTerm: 0,
};

describe('the persist queue', () => {
  it('sends what speaks for the disk when the write has ended, and not before', async () => {
    const { storage, events, queue } = start();
    queue.add(persistOf(1, { entries: entriesOf(1, 2) }), [ack]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual([]);

    await storage.end();

    expect(events).toEqual(['send appendEntriesReply', 'persisted 1']);
  });

  it('has one write under way and puts everything that comes meanwhile into the next', async () => {
    const { storage, events, queue } = start();
    queue.add(persistOf(1, { entries: entriesOf(1, 1) }), []);
    queue.add(persistOf(2, { entries: entriesOf(2, 2) }), [ack]);
    queue.add(persistOf(3, { entries: entriesOf(3, 3) }), [vote]);
    expect(storage.writes.length).toBe(1);

    await storage.end();
    await storage.end();

    expect(storage.writes.map(({ number }) => number)).toEqual([1, 3]);
    expect(storage.writes[1]?.entries.map(({ index }) => index)).toEqual([2, 3]);
    expect(events).toEqual([
      'persisted 1',
      'send appendEntriesReply',
      'send requestVoteReply',
      'persisted 3',
    ]);
  });

  it('lets a message without a write of its own wait for the writes before it', async () => {
    const { storage, events, queue } = start();
    queue.add(persistOf(1, { entries: entriesOf(1, 1) }), []);
    queue.add(undefined, [vote]);
    expect(events).toEqual([]);

    await storage.end();

    expect(events).toEqual(['persisted 1', 'send requestVoteReply']);
    queue.add(undefined, [ack]);
    expect(events.at(-1)).toBe('send appendEntriesReply');
  });

  it('sends nothing after a failed write, and never writes again', async () => {
    const { storage, events, queue } = start();
    queue.add(persistOf(1, { entries: entriesOf(1, 1) }), [ack]);
    queue.add(persistOf(2, { entries: entriesOf(2, 2) }), [ack]);

    await storage.end(new Error('EIO'));
    queue.add(persistOf(3, { entries: entriesOf(3, 3) }), [ack]);

    expect(events).toEqual(['fatal EIO']);
    expect(storage.writes.length).toBe(1);
  });
});

describe('two writes as one', () => {
  const hardState = { currentTerm: 3, votedFor: 1, commitIndex: 0 };
  const snapshot = {
    lastIncludedIndex: 9,
    lastIncludedTerm: 1,
    stampMs: 0,
    configuration: { clusterId: 'c', members: [] },
  };

  it('cuts the first one’s entries where the second one’s begin', () => {
    const merged = mergePersists(
      persistOf(1, { entries: entriesOf(1, 5), hardState }),
      persistOf(2, { entries: entriesOf(4, 6, 2) }),
    );
    expect(merged.entries.map(({ index, term }) => [index, term])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 2],
      [5, 2],
      [6, 2],
    ]);
    expect(merged).toMatchObject({ number: 2, hardState });
  });

  it('drops what a snapshot replaces, and keeps a snapshot before entries', () => {
    const replaced = mergePersists(
      persistOf(1, { entries: entriesOf(1, 5), hardState }),
      persistOf(2, { snapshot, entries: entriesOf(10, 11) }),
    );
    expect(replaced).toMatchObject({ number: 2, snapshot, hardState });
    expect(replaced.entries.map(({ index }) => index)).toEqual([10, 11]);

    const followed = mergePersists(replaced, persistOf(3, { entries: entriesOf(12, 12) }));
    expect(followed).toMatchObject({ number: 3, snapshot });
    expect(followed.entries.map(({ index }) => index)).toEqual([10, 11, 12]);
  });
});
