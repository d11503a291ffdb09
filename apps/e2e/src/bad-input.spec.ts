import * as grpc from '@grpc/grpc-js';
import { type Failure, failureOf, ForeignClient, type Message } from './harness/foreign-client';
import { Suite } from './harness/suite';

const LOCKS = 'raftway.lock.v1.LockService';
const IDS = 'raftway.id.v1.IdService';
const REGISTRY = 'raftway.registry.v1.RegistryService';
const GREETER = 'helloworld.Greeter';
const LONG = 'x'.repeat(300);
const HUGE_TTL = { seconds: 10_000_000 };

interface BadCall {
  readonly service: string;
  readonly method: string;
  readonly what: string;
  readonly request: Message;
  readonly expected: Partial<Pick<Failure, 'code' | 'reason'>> & { readonly field?: string };
}

function invalid(
  service: string,
  method: string,
  what: string,
  request: Message,
  field: string,
): BadCall {
  return { service, method, what, request, expected: { code: 'INVALID_ARGUMENT', field } };
}

const instance = { service: 'nobody', instance_id: 'nobody-1', address: '127.0.0.1:9' };

/** Every RPC with what it must refuse. Whatever is refused must leave no trace. */
const BAD_CALLS: readonly BadCall[] = [
  invalid(GREETER, 'SayHello', 'an empty name', {}, 'name'),
  invalid(GREETER, 'SayHello', 'an over-long name', { name: LONG }, 'name'),
  invalid(GREETER, 'SayHelloNumbered', 'an empty name', {}, 'name'),
  invalid(LOCKS, 'OpenSession', 'a zero TTL', { ttl: { seconds: 0 } }, 'ttl'),
  invalid(LOCKS, 'OpenSession', 'a huge TTL', { ttl: HUGE_TTL }, 'ttl'),
  invalid(LOCKS, 'OpenSession', 'an over-long request id', { request_id: LONG }, 'request_id'),
  invalid(LOCKS, 'Acquire', 'an empty name', {}, 'name'),
  invalid(LOCKS, 'Acquire', 'an over-long name', { name: LONG }, 'name'),
  invalid(LOCKS, 'Acquire', 'a zero TTL', { name: 'bad', ttl: { seconds: 0 } }, 'ttl'),
  invalid(LOCKS, 'Acquire', 'a huge TTL', { name: 'bad', ttl: HUGE_TTL }, 'ttl'),
  invalid(LOCKS, 'Acquire', 'a huge wait', { name: 'bad', wait_timeout: HUGE_TTL }, 'wait_timeout'),
  invalid(LOCKS, 'Release', 'an empty name', { session_id: 's' }, 'name'),
  invalid(LOCKS, 'GetLock', 'an empty name', {}, 'name'),
  invalid(LOCKS, 'ListLocks', 'a huge page', { page_size: 100_000 }, 'page_size'),
  invalid(LOCKS, 'CheckToken', 'an empty name', {}, 'name'),
  invalid(LOCKS, 'ForceRelease', 'no reason', { name: 'bad' }, 'reason'),
  {
    ...invalid(LOCKS, 'Acquire', 'an unknown session', { name: 'bad', session_id: 'nobody' }, ''),
    expected: { code: 'NOT_FOUND', reason: 'SESSION_NOT_FOUND' },
  },
  {
    ...invalid(LOCKS, 'CloseSession', 'an unknown session', { session_id: 'nobody' }, ''),
    expected: { code: 'NOT_FOUND', reason: 'SESSION_NOT_FOUND' },
  },
  invalid(IDS, 'GenerateIds', 'a huge count', { count: 1_000_000 }, 'count'),
  invalid(IDS, 'NextSequence', 'an empty name', {}, 'name'),
  invalid(IDS, 'NextSequence', 'an over-long name', { name: LONG }, 'name'),
  invalid(IDS, 'NextSequence', 'a huge count', { name: 'bad', count: 100_000_000 }, 'count'),
  invalid(IDS, 'InspectId', 'a text that is no id', { text: 'x' }, 'text'),
  invalid(REGISTRY, 'Register', 'no instance', {}, 'instance'),
  invalid(
    REGISTRY,
    'Register',
    'an empty service',
    { instance: { ...instance, service: '' } },
    'instance.service',
  ),
  invalid(
    REGISTRY,
    'Register',
    'an over-long id',
    { instance: { ...instance, instance_id: LONG } },
    'instance.instance_id',
  ),
  invalid(
    REGISTRY,
    'Register',
    'a bad address',
    { instance: { ...instance, address: 'nowhere' } },
    'instance.address',
  ),
  invalid(REGISTRY, 'Register', 'a zero TTL', { instance, ttl: { seconds: 0 } }, 'ttl'),
  invalid(REGISTRY, 'Register', 'a huge TTL', { instance, ttl: HUGE_TTL }, 'ttl'),
  invalid(REGISTRY, 'Lookup', 'an empty service', {}, 'service'),
  invalid(REGISTRY, 'ListServices', 'a huge page', { page_size: 100_000 }, 'page_size'),
  {
    ...invalid(REGISTRY, 'Deregister', 'an unknown lease', { lease_id: 'nobody' }, ''),
    expected: { code: 'NOT_FOUND', reason: 'LEASE_NOT_FOUND' },
  },
  {
    ...invalid(
      REGISTRY,
      'SetStatus',
      'an unknown lease',
      { lease_id: 'nobody', status: 'INSTANCE_STATUS_DRAINING' },
      '',
    ),
    expected: { code: 'NOT_FOUND', reason: 'LEASE_NOT_FOUND' },
  },
];

describe('bad input through the gateway', () => {
  let suite: Suite;
  const clients = new Map<string, ForeignClient>();
  const client = (service: string): ForeignClient => {
    const known = clients.get(service) ?? new ForeignClient(suite.gateway, service);
    clients.set(service, known);
    return known;
  };

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: 400, replicas: 1 });
  });

  afterAll(async () => {
    for (const known of clients.values()) known.close();
    await suite.dispose();
  });

  it.each(BAD_CALLS)(
    '$service/$method refuses $what',
    async ({ service, method, request, expected }) => {
      const failure = await failureOf(client(service).call(method, request));

      expect(failure.code).toBe(expected.code);
      if (expected.field === undefined) expect(failure.reason).toBe(expected.reason);
      else expect(failure.violations.map(({ field }) => field)).toContain(expected.field);
    },
  );

  it('refuses a release by somebody who does not hold the lock, and a wrong token', async () => {
    const locks = client(LOCKS);
    const held = await locks.call('Acquire', { name: 'mine', ttl: { seconds: 60 } });
    const other = await locks.call('OpenSession', { ttl: { seconds: 60 } });

    const notHolder = await failureOf(
      locks.call('Release', { name: 'mine', session_id: other['session_id'] }),
    );
    const wrongToken = await failureOf(
      locks.call('Release', { name: 'mine', session_id: held['session_id'], fencing_token: '1' }),
    );

    expect(notHolder).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'NOT_HOLDER' });
    expect(wrongToken).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'TOKEN_MISMATCH' });
    const still = await locks.call('CheckToken', {
      name: 'mine',
      fencing_token: held['fencing_token'],
    });
    expect(still).toMatchObject({ valid: true });
    await locks.call('Release', { name: 'mine', session_id: held['session_id'] });
  });

  it.each([GREETER, LOCKS, IDS, REGISTRY])(
    '%s answers malformed protobuf with a status that says so',
    async (service) => {
      const method = {
        [GREETER]: 'SayHello',
        [LOCKS]: 'Acquire',
        [IDS]: 'NextSequence',
        [REGISTRY]: 'Register',
      }[service];

      const failure = await failureOf(
        sendBytes(`/${service}/${method}`, Buffer.from([0x0a, 0xff, 0xff, 0xff])),
      );

      expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'MALFORMED_REQUEST' });
    },
  );

  it.each([GREETER, LOCKS, IDS, REGISTRY])(
    '%s answers an oversized message with the limit',
    async (service) => {
      const method = {
        [GREETER]: 'SayHello',
        [LOCKS]: 'Acquire',
        [IDS]: 'NextSequence',
        [REGISTRY]: 'Register',
      }[service];

      const failure = await failureOf(
        sendBytes(`/${service}/${method}`, Buffer.alloc(5 * 1024 * 1024)),
      );

      expect(failure.code).toBe('RESOURCE_EXHAUSTED');
      expect(failure.message).toMatch(/\d{7}/);
    },
  );

  it('names a service that nobody serves', async () => {
    const failure = await failureOf(sendBytes('/no.such.Service/Call', Buffer.alloc(0)));

    expect(failure.code).toBe('UNIMPLEMENTED');
    expect(failure.message).toContain('no.such.Service');
  });

  it('has left no trace of all that', async () => {
    const { locks } = (await client(LOCKS).call('ListLocks', {})) as {
      locks: { name: string; holders: unknown[] }[];
    };
    const { services } = (await client(REGISTRY).call('ListServices', {})) as {
      services: { service: string }[];
    };
    const next = await client(IDS).call('NextSequence', { name: 'bad' });

    expect(locks.filter(({ holders }) => holders.length > 0)).toEqual([]);
    expect(services.map(({ service }) => service)).not.toContain('nobody');
    expect(next).toMatchObject({ first: '1' });
  });

  function sendBytes(path: string, bytes: Buffer): Promise<unknown> {
    const raw = new grpc.Client(suite.gateway, grpc.credentials.createInsecure());
    const pass = (value: Buffer): Buffer => value;
    return new Promise((resolve, reject) => {
      raw.makeUnaryRequest(
        path,
        pass,
        pass,
        bytes,
        new grpc.Metadata(),
        { deadline: Date.now() + 20_000 },
        (error, reply) => {
          raw.close();
          if (error === null) resolve(reply);
          else reject(error);
        },
      );
    });
  }
});
