import { RecentLists } from './recent-lists';

const lists = Array.from({ length: 9 }, () => ['te', 'trailers']);

describe('what was made of lists', () => {
  it('is found by the list itself, and not by what it says', () => {
    const recent = new RecentLists<string>();
    const [one = [], other = []] = lists;
    recent.set(one, 'one');

    expect(recent.get(one)).toBe('one');
    expect(recent.get(other)).toBeUndefined();
  });

  it('is forgotten for the oldest of nine', () => {
    const recent = new RecentLists<number>();
    lists.forEach((list, at) => recent.set(list, at));

    expect(lists.map((list) => recent.get(list))).toEqual([undefined, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('is replaced by what is made of the same list later, which costs no other its place', () => {
    const recent = new RecentLists<number>();
    const some = lists.slice(0, 8);
    some.forEach((list, at) => recent.set(list, at));
    const [first = []] = some;
    recent.set(first, 10);

    expect(some.map((list) => recent.get(list))).toEqual([10, 1, 2, 3, 4, 5, 6, 7]);
  });
});
