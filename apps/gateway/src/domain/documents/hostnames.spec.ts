import { commonHostname, hostOf } from './hostnames';

describe('what two host names have in common', () => {
  it.each([
    ['a.org', 'a.org', 'a.org'],
    ['', '', ''],
    ['', 'a.org', 'a.org'],
    ['*.a.org', 'x.a.org', 'x.a.org'],
    ['*.a.org', 'x.y.a.org', 'x.y.a.org'],
    ['*.a.org', '*.y.a.org', '*.y.a.org'],
    ['*.a.org', 'a.org', undefined],
    ['*.a.org', 'xa.org', undefined],
    ['a.org', 'b.org', undefined],
    ['*.a.org', '*.b.org', undefined],
  ])('%s and %s: %s', (one, other, common) => {
    expect([commonHostname(one, other), commonHostname(other, one)]).toEqual([common, common]);
  });
});

it('the host of an authority is in lower case and without its port', () => {
  expect(['Api.Example.com:443', 'a.b', '[::1]:80', ''].map(hostOf)).toEqual([
    'api.example.com',
    'a.b',
    '[::1]',
    '',
  ]);
});
