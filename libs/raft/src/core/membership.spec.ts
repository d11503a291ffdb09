import { configurationOf } from '../../test/core-harness';
import { isJoint, leaveJoint, majoritiesOf, MEMBERS_MAX, planChange } from './membership';
import type { MemberChange } from './membership';
import type { Configuration } from './types';

function add(id: number, promote = false): MemberChange {
  return { type: 'add', id, address: `host-${id}:1`, promote };
}

/** Members 1 to 3, and a learner 4. */
function withLearner(): Configuration {
  return planChange(configurationOf(3), [add(4)]);
}

describe('a change of members', () => {
  it('that adds a learner goes directly, and the learner counts nowhere', () => {
    const next = withLearner();

    expect(isJoint(next)).toBe(false);
    expect(majoritiesOf(next)).toEqual([[1, 2, 3]]);
    expect(next.members).toContainEqual({ id: 4, address: 'host-4:1', voter: false });
  });

  it('of one voter goes directly (dissertation §4.1)', () => {
    const promoted = planChange(withLearner(), [{ type: 'promote', id: 4 }]);
    const removed = planChange(configurationOf(3), [{ type: 'remove', id: 3 }]);
    const demoted = planChange(configurationOf(3), [{ type: 'demote', id: 3 }]);

    expect([promoted, removed, demoted].map(isJoint)).toEqual([false, false, false]);
    expect(majoritiesOf(promoted)).toEqual([[1, 2, 3, 4]]);
    expect(majoritiesOf(removed)).toEqual([[1, 2]]);
    expect(majoritiesOf(demoted)).toEqual([[1, 2]]);
    expect(demoted.members).toHaveLength(3);
  });

  it('of more than one voter asks the majorities before and after it (Raft §6)', () => {
    const joint = planChange(withLearner(), [
      { type: 'promote', id: 4 },
      { type: 'remove', id: 3 },
    ]);

    expect(isJoint(joint)).toBe(true);
    expect(majoritiesOf(joint)).toEqual([
      [1, 2, 4],
      [1, 2, 3],
    ]);
    expect(majoritiesOf(leaveJoint(joint))).toEqual([[1, 2, 4]]);
    expect(leaveJoint(joint).members.map(({ id }) => id)).toEqual([1, 2, 4]);
  });

  it('keeps a demoted voter as a learner when it leaves the joint configuration', () => {
    const joint = planChange(configurationOf(5), [
      { type: 'demote', id: 4 },
      { type: 'remove', id: 5 },
    ]);

    expect(majoritiesOf(joint)).toEqual([
      [1, 2, 3],
      [1, 2, 3, 4, 5],
    ]);
    expect(leaveJoint(joint).members).toEqual([
      ...configurationOf(3).members,
      { id: 4, address: 'host-4:1', voter: false },
    ]);
  });

  it('lets a learner go on joining through the joint configuration of others', () => {
    const joining = planChange(configurationOf(3), [add(4, true)]);

    const joint = planChange(joining, [
      { type: 'remove', id: 2 },
      { type: 'remove', id: 3 },
    ]);

    expect(leaveJoint(joint).members.at(-1)).toMatchObject({ id: 4, transition: 'joining' });
  });

  it.each<[string, readonly MemberChange[]]>([
    ['must change something', []],
    ['is a member already', [add(3)]],
    ['belongs to server 3', [{ type: 'add', id: 9, address: 'host-3:1', promote: false }]],
    ['must have an address', [{ type: 'add', id: 9, address: '', promote: false }]],
    ['whole number of at least 1, not 0', [add(0)]],
    ['server 9 is not a member', [{ type: 'remove', id: 9 }]],
    ['is a voter already', [{ type: 'promote', id: 3 }]],
    ['must name server 9 once', [add(9), { type: 'promote', id: 9 }]],
    ['at least one voter', [1, 2, 3].map((id) => ({ type: 'remove', id }))],
    [`at most ${MEMBERS_MAX}`, Array.from({ length: MEMBERS_MAX }, (_, at) => add(at + 10))],
  ])('is refused: %s', (rule, changes) => {
    expect(() => planChange(configurationOf(3), changes)).toThrow(rule);
  });

  it('of a learner into a learner is refused', () => {
    expect(() => planChange(withLearner(), [{ type: 'demote', id: 4 }])).toThrow('learner already');
  });
});
