import { documentSource, isDocumentSource } from './document-source';

it.each([
  [undefined, undefined],
  ['/etc/routes', { kind: 'files', path: '/etc/routes' }],
  ['registry:///edge', { kind: 'store', prefix: 'edge/' }],
  ['registry:///teams/edge.v1', { kind: 'store', prefix: 'teams/edge.v1/' }],
])('%s', (text, expected) => {
  expect(documentSource(text)).toEqual(expected);
});

it.each([
  ['registry:///edge', true],
  ['registry.yaml', true],
  ['registry://edge', false],
  ['registry:///', false],
  ['registry:///edge/', false],
  ['registry:///a b', false],
])('%s may be given: %s', (text, expected) => {
  expect(isDocumentSource(text)).toBe(expected);
});
