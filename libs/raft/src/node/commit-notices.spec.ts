import { eventually } from '../../test/support/key-value';
import type { Message } from '../core';
import { CommitNotices } from './commit-notices';

function heartbeat(to: number, round: number, leaderCommit: number): Message {
  return { type: 'heartbeat', from: 1, to, term: 1, leaderCommit, round, readmittedRun: 0 };
}

function append(to: number): Message {
  return {
    ...{ type: 'appendEntries', from: 1, to, term: 1, prevLogIndex: 0, prevLogTerm: 0 },
    ...{ entries: [], leaderCommit: 9 },
  };
}

function answer(to: number): Message {
  return { type: 'readIndexReply', from: 1, to, term: 1, runId: 1, tickets: [1], readIndex: 5 };
}

/** No turn of the event loop goes by until then. */
function busyUntil(ms: number): void {
  while (performance.now() < ms);
}

describe('what goes to followers', () => {
  let sent: Message[];
  let notices: CommitNotices;

  beforeEach(() => {
    sent = [];
    notices = new CommitNotices((messages) => sent.push(...messages));
  });

  afterEach(() => {
    notices.stop();
    jest.useRealTimers();
  });

  it('leaves at once, but for what only says that something is committed: that waits a millisecond for entries', () => {
    jest.useFakeTimers();
    notices.send([heartbeat(2, 1, 0), append(3)]);
    expect(sent).toEqual([heartbeat(2, 1, 0), append(3)]);

    notices.send([heartbeat(2, 1, 5)]);
    expect(sent).toHaveLength(2);

    jest.advanceTimersByTime(1);
    expect(sent.at(-1)).toEqual(heartbeat(2, 1, 5));
  });

  it('tells a follower that others call through a turn later, and only that one', () => {
    jest.useFakeTimers();
    notices.send([heartbeat(2, 1, 0), heartbeat(3, 1, 0), answer(3)]);
    sent = [];

    notices.send([heartbeat(2, 1, 5), heartbeat(3, 1, 5)]);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(0);

    expect(sent).toEqual([heartbeat(3, 1, 5)]);
  });

  it('tells it all the same when its last answer is too old by then', async () => {
    const answeredMs = performance.now();
    notices.send([heartbeat(2, 1, 0), answer(2)]);
    busyUntil(answeredMs + 99.5);
    notices.send([heartbeat(2, 1, 5)]);
    busyUntil(answeredMs + 101);

    await eventually('it is told', () => sent.length === 3);
    expect(sent[2]).toEqual(heartbeat(2, 1, 5));
  });

  it('is not sent any more once the driver has stopped', () => {
    jest.useFakeTimers();
    notices.send([heartbeat(2, 1, 0)]);
    notices.send([heartbeat(2, 1, 5)]);

    notices.stop();
    jest.advanceTimersByTime(1);

    expect(sent).toEqual([heartbeat(2, 1, 0)]);
  });

  it('is not said twice: the newest notice stands for all, and entries or a new round make it needless', () => {
    jest.useFakeTimers();
    notices.send([heartbeat(2, 1, 0), heartbeat(3, 1, 0), heartbeat(4, 1, 0)]);
    notices.send([heartbeat(2, 1, 5), heartbeat(3, 1, 5), heartbeat(4, 1, 5)]);
    notices.send([heartbeat(2, 1, 6), append(3), heartbeat(4, 2, 6)]);
    sent = [];

    jest.advanceTimersByTime(1);

    expect(sent).toEqual([heartbeat(2, 1, 6)]);
  });

  it('never delays a round, which keeps followers from campaigning and confirms reads', () => {
    for (let round = 1; round <= 3; round += 1) notices.send([heartbeat(2, round, 0)]);

    expect(sent).toHaveLength(3);
  });
});
