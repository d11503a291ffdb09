import { formatOptionsTable, loadOptions } from '@raftway/config';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockOptionsSchema } from './options';

/** A Markdown table without what a formatter changes. */
function cells(markdown: string): string {
  return markdown.replace(/-{3,}/g, '---').replace(/ *\| */g, '|');
}

const load = (environment: Record<string, string>) =>
  loadOptions({ schema: lockOptionsSchema, environment });

describe("the lock service's options", () => {
  it('are all in the README', () => {
    const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');

    expect(cells(readme)).toContain(cells(formatOptionsTable(lockOptionsSchema)));
  });

  it('choose Raft, and ask for no Redis', () => {
    expect(load({})).toMatchObject({ lockBackend: 'raft', redisKeyPrefix: 'raftway:lock:' });
  });

  it('ask for the URL with the redis backend', () => {
    expect(() => load({ RAFTWAY_LOCK_BACKEND: 'redis' })).toThrow('RAFTWAY_REDIS_URL is required');

    const environment = { RAFTWAY_LOCK_BACKEND: 'redis', RAFTWAY_REDIS_URL: 'redis://h:1/2' };
    expect(load(environment).redisUrl).toMatchObject({ host: 'h', port: 1, database: 2 });
  });

  it('do not repeat a wrong URL, which may have a password in it', () => {
    const wrong = { RAFTWAY_REDIS_URL: 'redis://me:secret@host:port' };

    expect(() => load(wrong)).toThrow(/RAFTWAY_REDIS_URL must be redis:\/\/(?!.*secret)/);
  });

  it('refuse an unknown backend', () => {
    expect(() => load({ RAFTWAY_LOCK_BACKEND: 'etcd' })).toThrow(
      'RAFTWAY_LOCK_BACKEND must be one of raft, redis, got "etcd"',
    );
  });
});
