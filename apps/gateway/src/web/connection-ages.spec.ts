import { type Socket } from 'node:net';
import { ConnectionAges } from './connection-ages';

const socket = {} as Socket;
// Without an offset by chance: the age is exactly what it says.
const random = (): number => 0.5;

describe('the age of a connection', () => {
  it('is reached some time before its grace is over', () => {
    const ages = new ConnectionAges({ ageMaxMs: 1000, graceMs: 300, random });
    ages.note(socket, 50);

    expect([ages.isDue(socket, 1049), ages.isDue(socket, 1050)]).toEqual([false, true]);
    expect([ages.isOverdue(socket, 1349), ages.isOverdue(socket, 1350)]).toEqual([false, true]);
  });

  it('is never reached where there is no limit', () => {
    const ages = new ConnectionAges({ ageMaxMs: Infinity, graceMs: 0, random });
    ages.note(socket, 0);

    expect(ages.isOverdue(socket, Number.MAX_SAFE_INTEGER)).toBe(false);
  });
});
