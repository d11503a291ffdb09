import { z } from 'zod';

/** Where a Redis is and how to log in. */
export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: boolean;
}

const PORT_DEFAULT = 6_379;
const DATABASE_MAX = 1_023;

/** What a Redis URL has to look like: the end of a sentence that begins with the option's name. */
const REDIS_URL_RULE =
  'redis://[user[:password]@]host[:port][/database] or the same with rediss:// for TLS';

/** A Redis URL, read. What was given instead is not repeated: it may have a password in it. */
export function redisUrl() {
  return z
    .unknown()
    .transform((value, context): RedisTarget => {
      const target = typeof value === 'string' ? parseRedisUrl(value) : undefined;
      if (target !== undefined) return target;
      context.addIssue({ code: 'custom', message: `must be ${REDIS_URL_RULE}` });
      return z.NEVER;
    })
    .meta({ optionType: 'redis URL' });
}

/**
 * Reads `redis://user:password@host:6379/0`; undefined for anything else. Parameters behind a `?` are refused: they would change how the
 * connection behaves.
 */
export function parseRedisUrl(text: string): RedisTarget | undefined {
  const url = parsed(text);
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
    return undefined;
  if (url.search !== '' || url.hash !== '') return undefined;
  const database = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1];
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (database === undefined || Number(database) > DATABASE_MAX) return undefined;
  if (username === undefined || password === undefined) return undefined;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? PORT_DEFAULT : Number(url.port),
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    database: Number(database),
    tls: url.protocol === 'rediss:',
  };
}

/** The target without its credentials: for logs and messages. */
export function describeTarget({ host, port, database, tls }: RedisTarget): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  return `${tls ? 'rediss' : 'redis'}://${shown}:${port}/${database}`;
}

function parsed(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
