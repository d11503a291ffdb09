import { type JoinFacts, joinStep } from './join-step';

function facts(changes: Partial<JoinFacts>): JoinFacts {
  return {
    standing: 'waiting',
    leaderId: 0,
    leaderlessMs: 0,
    wasMember: false,
    followsSet: false,
    admitted: 0,
    listed: 3,
    refusal: undefined,
    ...changes,
  };
}

const waits = (reason: RegExp) => ({ wait: expect.stringMatching(reason) as string });

describe('a replica', () => {
  it('with an empty directory asks once a majority of the listed peers has let it in', () => {
    expect(joinStep(facts({ admitted: 1 }))).toEqual(waits(/majority.*1 of 3/));
    expect(joinStep(facts({ admitted: 2 }))).toBe('look');
  });

  it('whose disk was wiped does not ask: one peer that knows the old one is enough', () => {
    const refusal = 'its data directory was replaced';
    expect(joinStep(facts({ admitted: 2, refusal }))).toEqual(waits(/data directory was replaced/));
  });

  it('that was removed before its process started asks again', () => {
    expect(joinStep(facts({ standing: 'removed' }))).toBe('look');
  });

  it('that is removed while it runs asks only if the StatefulSet can be asked, too', () => {
    const removed = facts({ standing: 'removed', wasMember: true });
    expect(joinStep(removed)).toEqual(waits(/start it again/));
    expect(joinStep({ ...removed, followsSet: true })).toBe('look');
  });

  it('that is a member as far as it knows looks only when it hears from no leader for long', () => {
    for (const standing of ['voter', 'learner'] as const) {
      expect(joinStep(facts({ standing, leaderId: 2 }))).toBe('content');
      expect(joinStep(facts({ standing, leaderlessMs: 2_999 }))).toBe('content');
      expect(joinStep(facts({ standing, leaderlessMs: 3_000 }))).toBe('look');
    }
  });
});
