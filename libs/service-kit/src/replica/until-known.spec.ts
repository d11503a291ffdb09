import { outcomeUnknown, unavailable } from '@raftway/errors';
import { untilKnown } from './until-known';

const unknown = (why: string) => outcomeUnknown('nobody knows', { metadata: { why } });

/** Fails with each of these in turn, and then yields 7; counts its calls. */
function attemptThat(...failures: readonly Error[]) {
  let calls = 0;
  const attempt = () => {
    const failure = failures[calls];
    calls += 1;
    return failure === undefined ? Promise.resolve(7) : Promise.reject(failure);
  };
  return { attempt, calls: () => calls };
}

describe('a change with a request id', () => {
  it.each(['leaderChanged', 'overwritten', 'quorumLost', 'snapshotInstalled'])(
    'is made again when its outcome is unknown because of %s',
    async (why) => {
      const { attempt, calls } = attemptThat(unknown(why), unknown(why));

      expect(await untilKnown(attempt)).toBe(7);
      expect(calls()).toBe(3);
    },
  );

  it.each(['timeout', 'cancelled', 'stopped', 'resultEvicted', 'diskSlow', 'noLeader'])(
    'is not made again when nobody may wait for it, or nobody could say more: %s',
    async (why) => {
      const { attempt, calls } = attemptThat(unknown(why));

      await expect(untilKnown(attempt)).rejects.toMatchObject({ metadata: { why } });
      expect(calls()).toBe(1);
    },
  );

  it('stays unknown when it is refused after that: the first attempt may still take effect', async () => {
    const refused = unavailable('NO_LEADER', 'no leader appeared in time');
    const { attempt } = attemptThat(unknown('leaderChanged'), refused);

    await expect(untilKnown(attempt)).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  });

  it('is refused at once when nothing has happened', async () => {
    const { attempt, calls } = attemptThat(unavailable('NO_LEADER', 'no leader appeared in time'));

    await expect(untilKnown(attempt)).rejects.toMatchObject({ reason: 'NO_LEADER' });
    expect(calls()).toBe(1);
  });

  it('is made four times at most', async () => {
    const { attempt, calls } = attemptThat(...Array<Error>(9).fill(unknown('leaderChanged')));

    await expect(untilKnown(attempt)).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    expect(calls()).toBe(4);
  });
});
