import {
  countJointVotes,
  countVotes,
  isQuorum,
  jointQuorumValue,
  quorumSize,
  quorumValue,
} from './quorum';

describe('quorumSize', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
  ])('of %d voters is %d', (voters, size) => {
    expect(quorumSize(voters)).toBe(size);
  });
});

describe('quorumValue', () => {
  it.each([
    { values: [7], reached: 7 },
    { values: [3, 9], reached: 3 },
    { values: [1, 10, 9], reached: 9 },
    { values: [0, 0, 100, 20, 3], reached: 3 },
    { values: [], reached: 0 },
  ])('of $values is $reached', ({ values, reached }) => {
    expect(quorumValue(values)).toBe(reached);
  });
});

describe('countVotes', () => {
  it('waits, wins with a majority, and loses when none is possible any more', () => {
    const voters = [1, 2, 3, 4, 5];

    expect(countVotes(voters, new Map([[1, true]]))).toBe('pending');
    expect(
      countVotes(
        voters,
        new Map([
          [1, true],
          [2, true],
          [5, true],
        ]),
      ),
    ).toBe('won');
    expect(
      countVotes(
        voters,
        new Map([
          [1, false],
          [2, false],
          [3, false],
        ]),
      ),
    ).toBe('lost');
  });

  it('does not count whoever is no voter', () => {
    expect(
      countVotes(
        [1, 2, 3],
        new Map([
          [1, true],
          [8, true],
          [9, true],
        ]),
      ),
    ).toBe('pending');
  });
});

describe('two sets (Raft §6)', () => {
  const majorities = [
    [1, 2, 3],
    [3, 4, 5, 6, 7],
  ];

  it('have reached what a majority of each has', () => {
    const values = [0, 9, 9, 5, 5, 5, 1, 1];
    expect(jointQuorumValue(majorities, (id) => values[id] as number)).toBe(5);
    expect(jointQuorumValue([], () => 9)).toBe(0);
  });

  it('are not outvoted by a majority of their union', () => {
    expect(isQuorum(majorities, (id) => id > 3)).toBe(false);
    expect(isQuorum(majorities, (id) => id > 1 && id < 6)).toBe(true);
  });

  it('elect together, and each can refuse', () => {
    const votes = (...pairs: [number, boolean][]): Map<number, boolean> => new Map(pairs);

    expect(countJointVotes(majorities, votes([1, true], [2, true]))).toBe('pending');
    expect(countJointVotes(majorities, votes([1, false], [2, false]))).toBe('lost');
    expect(countJointVotes(majorities, votes([1, true], [3, true], [4, true], [5, true]))).toBe(
      'won',
    );
  });
});
