import { describeTarget, parseRedisUrl } from './redis-url';

describe('parseRedisUrl', () => {
  it('reads host, port, database, credentials and TLS', () => {
    expect(parseRedisUrl('rediss://me:p%40ss@redis.example:6380/2')).toEqual({
      host: 'redis.example',
      port: 6380,
      username: 'me',
      password: 'p@ss',
      database: 2,
      tls: true,
    });
  });

  it('knows the defaults', () => {
    expect(parseRedisUrl('redis://localhost')).toEqual({
      host: 'localhost',
      port: 6379,
      username: undefined,
      password: undefined,
      database: 0,
      tls: false,
    });
    expect(parseRedisUrl('redis://[::1]:1/')).toMatchObject({ host: '::1', port: 1, database: 0 });
  });

  it.each([
    '',
    'localhost:6379',
    'http://localhost:6379',
    'redis://',
    'redis:///0',
    'redis://localhost:99999',
    'redis://localhost/zero',
    'redis://localhost/1024',
    'redis://localhost/0/1',
    'redis://localhost?enableOfflineQueue=true',
    'redis://localhost#0',
    'redis://:%zz@localhost',
  ])('refuses %j', (text) => {
    expect(parseRedisUrl(text)).toBeUndefined();
  });
});

describe('describeTarget', () => {
  it('leaves the credentials out', () => {
    const target = parseRedisUrl('rediss://me:secret@[::1]:6380/2');

    expect(target && describeTarget(target)).toBe('rediss://[::1]:6380/2');
  });
});
