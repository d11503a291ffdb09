import { createHash } from 'node:crypto';
import { newApiKey } from './api-key';
import { renderApiKey } from './render';

it('an API key is long, never the same, and known by its SHA-256', () => {
  const one = newApiKey();
  const other = newApiKey();

  expect(one.key).toMatch(/^raftway_[\w-]{43}$/);
  expect(one.key).not.toBe(other.key);
  expect(createHash('sha256').update(one.key).digest('hex')).toBe(one.sha256);
});

it('is shown with what a policy and its file are given', () => {
  const sha256 = 'a'.repeat(64);

  expect(renderApiKey('billing', 'raftway_x', sha256)).toBe(
    [
      'key       raftway_x',
      `document  { id: "billing", sha256: ${sha256} }`,
      `file      billing ${sha256}`,
    ].join('\n'),
  );
});
