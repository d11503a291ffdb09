import { namePattern } from './name-pattern';

it.each([
  ['alice', 'alice', true],
  ['alice', 'Alice', false],
  ['svc-*', 'svc-a', true],
  ['svc-*', 'svc-', false],
  ['svc-*', 'svc-a/b', false],
  ['svc-**', 'svc-a/b', true],
  ['a.c', 'abc', false],
  ['URI:spiffe://example.org/ns/*/sa/web', 'URI:spiffe://example.org/ns/prod/sa/web', true],
  ['URI:spiffe://example.org/ns/*/sa/web', 'URI:spiffe://example.org/ns/a/b/sa/web', false],
  ['URI:spiffe://example.org/**', 'URI:spiffe://example.org/ns/a/b/sa/web', true],
  ['URI:spiffe://example.org/**', 'URI:spiffe://example.org.evil/ns', false],
  ['DNS:*.example.com', 'DNS:api.Example.com', true],
  ['DNS:*.example.com', 'DNS:a.b.example.com', false],
  ['DNS:*.example.com', 'DNS:example.com', false],
  ['DNS:API.example.com', 'DNS:api.example.com', true],
  ['DNS:a.example.com', 'URI:a.example.com', false],
])('%s, %s: %s', (pattern, name, expected) => {
  expect(namePattern(pattern)(name)).toBe(expected);
});

it('does not look at names of any length', () => {
  expect(namePattern('**')('x'.repeat(513))).toBe(false);
});

it('takes no time to speak of for a name that almost fits in very many ways', () => {
  const test = namePattern('**a**a**a**b');
  const startedMs = performance.now();
  expect(test('a'.repeat(512))).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(100);
});
