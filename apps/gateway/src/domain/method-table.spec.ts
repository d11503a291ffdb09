import { MethodTable } from './method-table';

describe('values by method', () => {
  const table = new MethodTable([
    ['*', 'any'],
    ['a.A/*', 'all of A'],
    ['a.A/One', 'one of A'],
    ['b.B/One', 'one of B'],
  ]);

  it.each([
    ['a.A', 'One', 'one of A'],
    ['a.A', 'Two', 'all of A'],
    ['b.B', 'One', 'one of B'],
    ['b.B', 'Two', 'any'],
    ['c.C', 'One', 'any'],
  ])('are of the method, else of its service, else of all: %s/%s', (grpcService, method, value) => {
    expect(table.get(grpcService, method)).toBe(value);
  });

  it('are undefined where nothing is said', () => {
    expect(new MethodTable([['a.A/One', 1]]).get('a.A', 'Two')).toBeUndefined();
    expect(new MethodTable([]).get('a.A', 'One')).toBeUndefined();
  });

  it('may be 0 and false', () => {
    const zero = new MethodTable([
      ['a.A/One', 0],
      ['a.A/*', 1],
    ]);

    expect(zero.get('a.A', 'One')).toBe(0);
  });
});
