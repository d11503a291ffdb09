import { countVotes, quorumSize, quorumValue } from './quorum';

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
