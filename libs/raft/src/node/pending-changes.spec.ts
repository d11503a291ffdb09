import { configurationOf } from '../../test/core-harness';
import { EntryKind, type Input } from '../core';
import type { Raft } from '../core/raft';
import { PendingChanges } from './pending-changes';

/** What the changes look at, for a spec to set. */
function waiting() {
  const raft = {
    id: 1,
    leaderId: 2,
    configuration: configurationOf(3),
    configurationIndex: 1,
    commitIndex: 1,
    appliedIndex: 1,
  };
  const inputs: Input[] = [];
  let ticket = 0;
  const changes = new PendingChanges(
    raft as unknown as Raft,
    (input) => inputs.push(input),
    () => (ticket += 1),
  );
  return { raft, inputs, changes };
}

const removal = [{ type: 'remove', id: 3 }] as const;

function applied(index: number, term: number) {
  const payload = new Uint8Array(0);
  const kind = EntryKind.configuration;
  return { version: 1, index, term, kind, stampMs: 0, clientId: '', sequence: 0, payload };
}

describe('a change of members that waits', () => {
  it('is answered when it is decided, and the joint configuration is left', async () => {
    const { raft, changes } = waiting();
    const changed = changes.add(removal, 1000);
    changes.onPlaced({ ticket: 1, index: 7, term: 2 });
    const joint = configurationOf(3).members.map((member) =>
      member.id === 3 ? { ...member, transition: 'outgoing' as const } : member,
    );
    Object.assign(raft, { configuration: { clusterId: 'c', members: joint }, commitIndex: 7 });
    changes.onApplied(applied(7, 2));
    changes.look();

    Object.assign(raft, { configuration: configurationOf(2), configurationIndex: 8 });
    changes.look();
    Object.assign(raft, { commitIndex: 8 });
    changes.look();

    expect(await changed).toEqual({ index: 8, members: configurationOf(2).members });
  });

  it('is offered again after a refusal that is over in a moment', async () => {
    const { inputs, changes } = waiting();
    const changed = changes.add(removal, 1000);
    changes.onPlaced({ ticket: 1, refusal: 'notEstablished', message: '' });

    changes.tick(10);
    expect(inputs).toMatchObject([{ ticket: 1 }, { ticket: 2 }]);
    changes.onPlaced({ ticket: 2, refusal: 'notLeader', message: '' });

    await expect(changed).rejects.toMatchObject({ code: 'notLeader', leader: { id: 2 } });
  });

  it('is unknown when something else was applied in its place', async () => {
    for (const kind of ['configuration', 'command']) {
      const { raft, changes } = waiting();
      const changed = changes.add(removal, 1000);
      changes.onPlaced({ ticket: 1, index: 7, term: 2 });

      if (kind === 'configuration') changes.onApplied(applied(7, 3));
      Object.assign(raft, { appliedIndex: 7, commitIndex: 7 });
      changes.look();

      await expect(changed).rejects.toMatchObject({
        code: 'outcomeUnknown',
        reason: 'overwritten',
      });
    }
  });

  it('is unknown when its time is over, it is cancelled, or the replica stops', async () => {
    const { changes } = waiting();
    const abort = new AbortController();
    const cancelled = changes.add(removal, 1000, abort.signal);
    const late = changes.add(removal, 1000);

    abort.abort();
    changes.tick(1000);
    await expect(cancelled).rejects.toMatchObject({ reason: 'cancelled' });
    await expect(late).rejects.toMatchObject({ reason: 'timeout' });
    const stopped = changes.add(removal, 1000);
    changes.stop();
    await expect(stopped).rejects.toMatchObject({ reason: 'stopped' });
  });
});
