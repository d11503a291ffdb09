import { Transition, type Member } from '@raftway/raft';
import { type GroupView, nextRemoval } from './next-removal';

type ViewMember = GroupView['members'][number];

function voter(id: number, lastContactMs = 10): ViewMember {
  return { id, address: `set-${id - 1}`, voter: true, lastContactMs };
}

function learner(id: number, lastContactMs = 10): ViewMember {
  const transition = Transition.joining;
  return { id, address: `set-${id - 1}`, voter: false, transition, lastContactMs };
}

const SILENT_MS = 60_000;

function view(members: readonly ViewMember[], changes: Partial<GroupView> = {}): GroupView {
  return {
    id: 1,
    members,
    isChanging: false,
    size: { replicas: 3, firstOrdinal: 0 },
    isPod: (member: Member) => member.address === `set-${member.id - 1}`,
    contactMaxMs: 2_000,
    ...changes,
  };
}

describe('a leader whose StatefulSet', () => {
  it('has a pod for every member removes nobody, whoever is silent', () => {
    const silent = [voter(1), voter(2, SILENT_MS), voter(3, SILENT_MS)];
    expect(nextRemoval(view(silent))).toBeUndefined();
    expect(nextRemoval(view(silent.slice(0, 2)))).toBeUndefined();
  });

  it('became smaller removes the highest ordinal first', () => {
    const members = [voter(1), voter(2), voter(3), voter(4, SILENT_MS), voter(5, SILENT_MS)];
    expect(nextRemoval(view(members))).toEqual({ remove: 5 });
    expect(nextRemoval(view(members.slice(0, 4)))).toEqual({ remove: 4 });
  });

  it('became smaller removes learners before voters, also when few voters answer', () => {
    const members = [voter(1), voter(2, SILENT_MS), voter(3, SILENT_MS), learner(4)];
    expect(nextRemoval(view([...members, voter(5)]))).toEqual({ remove: 4 });
  });

  it('became smaller than its own pod removes itself last', () => {
    const members = [voter(1), voter(2), voter(3), voter(4), voter(5)];
    expect(nextRemoval(view(members, { id: 5 }))).toEqual({ remove: 4 });
    const last = members.filter(({ id }) => id !== 4);
    expect(nextRemoval(view(last, { id: 5 }))).toEqual({ remove: 5 });
  });

  it('begins at a later ordinal keeps the pods that it has, and those before', () => {
    const members = [voter(3), voter(5), voter(6), voter(7), voter(8)];
    const size = { replicas: 3, firstOrdinal: 4 };
    expect(nextRemoval(view(members, { id: 5, size }))).toEqual({ remove: 8 });
    expect(nextRemoval(view(members.slice(0, 4), { id: 5, size }))).toBeUndefined();
  });

  it('is of no concern to members from elsewhere leaves them alone', () => {
    const guest = { ...voter(9), address: '10.0.0.9:1' };
    expect(nextRemoval(view([voter(1), voter(2), voter(3), guest]))).toBeUndefined();
  });

  it.each<[string, readonly ViewMember[], Partial<GroupView>, RegExp]>([
    [
      'while a change is not complete',
      [voter(1), voter(2), voter(3), voter(4)],
      { isChanging: true },
      /not complete/,
    ],
    [
      'when a majority of those who stay would be silent',
      [voter(1), voter(2), voter(3, SILENT_MS), voter(4, SILENT_MS), voter(5)],
      {},
      /without server 5 only 2 of 4 voters/,
    ],
    [
      'when the set has no pods at all',
      [voter(1), voter(2), voter(3)],
      { size: { replicas: 0, firstOrdinal: 0 } },
      /no pods/,
    ],
    [
      'when no voter would be left of those who stay',
      [learner(1), voter(4)],
      { id: 4 },
      /no voter would be left/,
    ],
  ])('became smaller waits %s', (_when, members, changes, reason) => {
    expect(nextRemoval(view(members, changes))).toEqual({
      wait: expect.stringMatching(reason) as string,
    });
  });
});
