import { type Queued, WaitQueue } from './wait-queue';

interface Person extends Queued<Person> {
  readonly name: string;
}

function queueOf(...names: string[]): { queue: WaitQueue<Person>; people: Person[] } {
  const queue = new WaitQueue<Person>();
  const people = names.map((name) => ({ name, previous: undefined, next: undefined }));
  for (const person of people) queue.push(person);
  return { queue, people };
}

const names = (queue: WaitQueue<Person>) => [...queue].map((person) => person.name);

describe('WaitQueue', () => {
  it.each([
    [0, ['b', 'c']],
    [1, ['a', 'c']],
    [2, ['a', 'b']],
  ])('keeps the order when element %i leaves', (leaver, rest) => {
    const { queue, people } = queueOf('a', 'b', 'c');

    const person = people[leaver];
    if (person !== undefined) queue.remove(person);

    expect(names(queue)).toEqual(rest);
    expect(queue.size).toBe(2);
    expect(queue.head?.name).toBe(rest[0]);
  });

  it('takes a person again who has left', () => {
    const { queue, people } = queueOf('a', 'b');
    const [first] = people;
    if (first === undefined) throw new Error('empty');

    queue.remove(first);
    queue.push(first);

    expect(names(queue)).toEqual(['b', 'a']);
    expect(queue.positionOf(first)).toBe(2);
  });

  it('says place 0 of somebody who does not wait', () => {
    const { queue } = queueOf('a');

    expect(queue.positionOf({ name: 'b', previous: undefined, next: undefined })).toBe(0);
  });
});
