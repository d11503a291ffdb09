import { registry, type duration } from '@raftway/contracts';
import { createLogger } from '@raftway/observability';
import { eventually, startRegistry, type StartedRegistry } from '../testing/start-registry';
import { errorOf } from '@raftway/service-kit/testing';

type InstanceFields = Partial<registry.Instance>;

const { DRAINING, NOT_SERVING, SERVING } = registry.InstanceStatus;

let started: StartedRegistry;
const logged: string[] = [];

beforeEach(async () => {
  logged.length = 0;
  started = await startRegistry({
    logger: createLogger({ write: (line) => void logged.push(line) }),
    environment: { replicas: '1=10.0.0.1:50061,2=10.0.0.2:50061' },
  });
});

afterEach(() => started.stop());

function instance(fields: InstanceFields = {}): registry.Instance {
  return registry.Instance.fromPartial({
    service: 'greeter',
    instanceId: 'greeter-1',
    address: '127.0.0.1:50051',
    grpcServices: ['helloworld.Greeter'],
    ...fields,
  });
}

function seconds(count: number, nanos = 0): duration.Duration {
  return { seconds: BigInt(count), nanos };
}

async function register(fields: InstanceFields = {}, ttl = seconds(10)) {
  return started.client.register({ instance: instance(fields), ttl });
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('Register', () => {
  it('lists the instance with its defaults, under a lease', async () => {
    const answer = await started.client.register({ instance: instance() });

    expect(answer.leaseId).not.toBe('');
    expect(answer.ttl).toEqual(seconds(10));
    const { instances, revision } = await started.client.lookup({ service: 'greeter' });
    expect(revision).toBe(answer.revision);
    expect(instances).toEqual([
      instance({
        protocol: 'grpc',
        status: SERVING,
        weight: 100,
        modifiedRevision: answer.revision,
      }),
    ]);
  });

  it('keeps everything that the instance says of itself', async () => {
    const full = instance({
      protocol: 'http',
      status: NOT_SERVING,
      weight: 1000,
      zone: 'z'.repeat(64),
      version: '1.4.2',
      metadata: { a: '1', ключ: 'é'.repeat(256) },
      address: '[::1]:80',
    });

    const { revision } = await started.client.register({ instance: full, ttl: seconds(1) });

    const { instances } = await started.client.lookup({ service: 'greeter' });
    expect(instances).toEqual([{ ...full, modifiedRevision: revision }]);
  });

  it('is applied once for one request_id', async () => {
    const request = { instance: instance(), requestId: 'once' };

    const first = await started.client.register(request);
    const second = await started.client.register(request);

    expect(second).toEqual(first);
  });

  it('refuses a request_id that was used for another instance or another method', async () => {
    const { leaseId } = await started.client.register({ instance: instance(), requestId: 'once' });

    const other = started.client.register({
      instance: instance({ instanceId: 'greeter-2' }),
      requestId: 'once',
    });
    const method = started.client.deregister({ leaseId, requestId: 'once' });

    expect((await errorOf(other)).reason).toBe('REQUEST_ID_REUSED');
    expect((await errorOf(method)).reason).toBe('REQUEST_ID_REUSED');
    expect((await started.client.lookup({ service: 'greeter' })).instances).toHaveLength(1);
  });

  it('reports a gRPC service name that another service had first', async () => {
    await register();

    await register({ service: 'impostor' });

    const line = logged.find((each) => each.includes('two services claim'));
    expect(line).toContain('"routedTo":"greeter"');
    expect(line).toContain('"service":"impostor"');
  });

  const long = (length: number) => 'x'.repeat(length);
  const many = (count: number) => Array.from({ length: count }, (_, index) => index);
  const refused: [string, InstanceFields, string, string][] = [
    ['no service', { service: '' }, 'instance.service', 'required'],
    ['a service with a slash', { service: 'a/b' }, 'instance.service', '1 to 128'],
    [
      'a long service',
      { service: long(129) },
      'instance.service',
      'at most 128 characters, got 129',
    ],
    ['a service beyond the BMP', { service: '𝒳'.repeat(100) }, 'instance.service', '1 to 128'],
    ['an instance id beyond it', { instanceId: '𝒳'.repeat(100) }, 'instance.instance_id', '1 to'],
    ['an address beyond it', { address: '𝒳'.repeat(200) }, 'instance.address', 'host:port'],
    ['a name beyond it', { grpcServices: ['𝒳'.repeat(200)] }, 'instance.grpc_services[0]', 'full'],
    ['the name of the registry', { service: 'registry' }, 'instance.service', 'registry itself'],
    ['no instance id', { instanceId: '' }, 'instance.instance_id', 'required'],
    ['an instance id with a blank', { instanceId: 'a b' }, 'instance.instance_id', '1 to 128'],
    ['a long instance id', { instanceId: long(129) }, 'instance.instance_id', 'at most 128'],
    ['no address', { address: '' }, 'instance.address', 'required'],
    ['an address without a port', { address: 'host' }, 'instance.address', 'host:port'],
    ['port 0', { address: 'host:0' }, 'instance.address', 'from 1 to 65535'],
    ['port 65536', { address: 'host:65536' }, 'instance.address', 'from 1 to 65535'],
    ['blanks around an address', { address: ' host:1' }, 'instance.address', 'host:port'],
    ['a long address', { address: `${long(260)}:1` }, 'instance.address', 'at most 261'],
    ['a long protocol', { protocol: long(33) }, 'instance.protocol', 'at most 32'],
    [
      'too many gRPC services',
      { grpcServices: many(65).map((index) => `a.S${index}`) },
      'instance.grpc_services',
      'at most 64 names, got 65',
    ],
    ['a bad gRPC service', { grpcServices: ['a b'] }, 'instance.grpc_services[0]', 'full name'],
    ['a long gRPC service', { grpcServices: [long(257)] }, 'instance.grpc_services[0]', '256'],
    [
      'the health service',
      { grpcServices: ['a.B', 'grpc.health.v1.Health'] },
      'instance.grpc_services[1]',
      'every server',
    ],
    [
      'the reflection service',
      { grpcServices: ['grpc.reflection.v1alpha.ServerReflection'] },
      'instance.grpc_services[0]',
      'every server',
    ],
    [
      'a Raft service',
      { grpcServices: ['raftway.raft.v1.RaftAdminService'] },
      'instance.grpc_services[0]',
      'every server',
    ],
    ['an unknown status', { status: 9 as typeof SERVING }, 'instance.status', 'got 9'],
    ['a weight of 1001', { weight: 1001 }, 'instance.weight', 'from 1 to 1000, got 1001'],
    ['a long zone', { zone: long(65) }, 'instance.zone', 'at most 64'],
    ['a long version', { version: long(65) }, 'instance.version', 'at most 64'],
    [
      'too much metadata',
      { metadata: Object.fromEntries(many(33).map((index) => [`k${index}`, ''])) },
      'instance.metadata',
      'at most 32 entries, got 33',
    ],
    ['an empty metadata key', { metadata: { '': 'v' } }, 'instance.metadata', 'empty key'],
    ['a long metadata key', { metadata: { [long(65)]: '' } }, 'instance.metadata key', '64'],
    ['a long metadata value', { metadata: { k: long(257) } }, 'instance.metadata[k]', '256'],
  ];

  it.each(refused)('refuses %s and changes nothing', async (_, fields, field, text) => {
    const before = started.node.machine.snapshot();

    const error = await errorOf(register(fields));

    expect(error.codeName).toBe('INVALID_ARGUMENT');
    expect(error.fieldViolations).toHaveLength(1);
    expect(error.fieldViolations[0]?.field).toBe(field);
    expect(error.fieldViolations[0]?.description).toContain(text);
    expect(started.node.machine.snapshot()).toEqual(before);
    expect(started.node.commands).toHaveLength(0);
  });

  it.each([
    ['below a second', seconds(0, 999_000_000)],
    ['above a day', seconds(24 * 3600, 1)],
    ['negative', seconds(-1)],
    ['with impossible nanoseconds', seconds(5, -1)],
  ])('refuses a time to live %s', async (_, ttl) => {
    const error = await errorOf(register({}, ttl));

    expect(error.fieldViolations.map(({ field }) => field)).toEqual(['ttl']);
    expect(error.metadata['limit']).toBe('from 1s to 24h');
    expect(started.node.commands).toHaveLength(0);
  });

  it('takes the shortest and the longest time to live', async () => {
    expect((await register({}, seconds(1))).ttl).toEqual(seconds(1));
    expect((await register({}, seconds(24 * 3600))).ttl).toEqual(seconds(24 * 3600));
    expect((await register({}, seconds(1, 500_000_000))).ttl).toEqual(seconds(1, 500_000_000));
  });

  it('names everything that is wrong at once', async () => {
    const call = started.client.register({
      instance: instance({ service: '', weight: 5000 }),
      ttl: seconds(0),
      requestId: long(129),
    });

    expect((await errorOf(call)).fieldViolations.map(({ field }) => field)).toEqual([
      'instance.service',
      'instance.weight',
      'ttl',
      'request_id',
    ]);
  });

  it('needs an instance', async () => {
    const error = await errorOf(started.client.register({}));

    expect(error.fieldViolations).toEqual([
      expect.objectContaining({ field: 'instance', description: 'is required' }),
    ]);
  });

  it('is UNAVAILABLE without a leader', async () => {
    started.node.hasLeader = false;

    expect(await errorOf(register())).toMatchObject({ reason: 'NO_LEADER' });
  });
});

describe('KeepAlive', () => {
  it('answers every request in its order, gone leases as expired', async () => {
    const { leaseId } = await register({}, seconds(5));

    const answers = await collect(
      started.client.keepAlive([{ leaseId }, { leaseId: 'gone' }, { leaseId }]),
    );

    expect(answers).toEqual([
      { leaseId, ttl: seconds(5), expired: false },
      { leaseId: 'gone', ttl: undefined, expired: true },
      { leaseId, ttl: seconds(5), expired: false },
    ]);
  });

  it('keeps the instance for another time to live', async () => {
    const { leaseId } = await register({}, seconds(5));
    started.node.passTime(4000);

    await collect(started.client.keepAlive([{ leaseId }]));
    started.node.passTime(4000);

    expect((await started.client.lookup({ service: 'greeter' })).instances).toHaveLength(1);
  });

  it('puts the renewals of many streams into few commands', async () => {
    const leases = await Promise.all(
      Array.from({ length: 100 }, (_, index) => register({ instanceId: `i${index}` })),
    );
    const before = started.node.commands.length;

    const answers = await Promise.all(
      leases.map(({ leaseId }) => collect(started.client.keepAlive([{ leaseId }]))),
    );

    expect(answers.flat().every(({ expired }) => !expired)).toBe(true);
    expect(started.node.commands.length - before).toBeLessThan(30);
  });

  it('puts what arrives while a command is under way into the next one', async () => {
    const { leaseId } = await register();
    const before = started.node.commands.length;
    started.node.hold();

    const requests = Array.from({ length: 500 }, () => ({ leaseId }));
    const answers = collect(started.client.keepAlive(requests));
    await eventually(() => started.app.pendingRenewals === requests.length);
    started.node.release();

    expect(await answers).toHaveLength(500);
    expect(started.node.commands.length - before).toBeLessThanOrEqual(2);
  });

  it('ends with UNAVAILABLE without a leader, so that the caller goes elsewhere', async () => {
    const { leaseId } = await register();
    started.node.hasLeader = false;

    const error = await errorOf(collect(started.client.keepAlive([{ leaseId }])));

    expect(error.reason).toBe('NO_LEADER');
  });

  it.each([
    ['no lease id', ''],
    ['a long lease id', 'x'.repeat(65)],
  ])('refuses %s', async (_, leaseId) => {
    const error = await errorOf(collect(started.client.keepAlive([{ leaseId }])));

    expect(error.fieldViolations.map(({ field }) => field)).toEqual(['lease_id']);
  });
});

describe('Deregister', () => {
  it('removes the instance', async () => {
    const { leaseId, revision } = await register();

    const answer = await started.client.deregister({ leaseId });

    expect(answer.revision).toBe(revision + 1n);
    expect((await started.client.lookup({ service: 'greeter' })).instances).toEqual([]);
  });

  it('with the lease of an earlier registration leaves the new one alone', async () => {
    const old = await register();
    await register();
    const before = started.node.machine.snapshot();

    const error = await errorOf(started.client.deregister({ leaseId: old.leaseId }));

    expect(error).toMatchObject({ codeName: 'NOT_FOUND', reason: 'LEASE_NOT_FOUND' });
    expect(started.node.machine.snapshot()).toEqual(before);
  });

  it('refuses a request_id that was used for another lease, also for one that is gone', async () => {
    const first = await register();
    const second = await register({ instanceId: 'greeter-2' });
    await started.client.deregister({ leaseId: first.leaseId, requestId: 'once' });
    await errorOf(started.client.deregister({ leaseId: '9-00', requestId: 'gone' }));

    const same = started.client.deregister({ leaseId: first.leaseId, requestId: 'once' });
    const other = started.client.deregister({ leaseId: second.leaseId, requestId: 'once' });
    const afterGone = started.client.deregister({ leaseId: second.leaseId, requestId: 'gone' });

    expect((await same).revision).toBe(second.revision + 1n);
    expect((await errorOf(other)).reason).toBe('REQUEST_ID_REUSED');
    expect((await errorOf(afterGone)).reason).toBe('REQUEST_ID_REUSED');
    expect((await started.client.lookup({ service: 'greeter' })).instances).toHaveLength(1);
  });

  it('refuses a missing or long lease id and a long request_id', async () => {
    const missing = await errorOf(started.client.deregister({}));
    const long = await errorOf(
      started.client.deregister({ leaseId: 'x'.repeat(65), requestId: 'x'.repeat(129) }),
    );

    expect(missing.fieldViolations.map(({ field }) => field)).toEqual(['lease_id']);
    expect(long.fieldViolations.map(({ field }) => field)).toEqual(['lease_id', 'request_id']);
  });
});

describe('SetStatus', () => {
  it('changes what callers see', async () => {
    const { leaseId } = await register();

    const { revision } = await started.client.setStatus({ leaseId, status: DRAINING });

    const { instances } = await started.client.lookup({ service: 'greeter' });
    expect(instances[0]).toMatchObject({ status: DRAINING, modifiedRevision: revision });
  });

  it('takes UNSPECIFIED as SERVING', async () => {
    const { leaseId } = await register({ status: DRAINING });

    await started.client.setStatus({ leaseId });

    const { instances } = await started.client.lookup({ service: 'greeter' });
    expect(instances[0]?.status).toBe(SERVING);
  });

  it('refuses a request_id that was used for another lease or another status', async () => {
    const first = await register();
    const second = await register({ instanceId: 'greeter-2' });
    const requestId = 'once';
    await started.client.setStatus({ leaseId: first.leaseId, status: DRAINING, requestId });

    const lease = started.client.setStatus({
      leaseId: second.leaseId,
      status: DRAINING,
      requestId,
    });
    const status = started.client.setStatus({ leaseId: first.leaseId, requestId });

    expect((await errorOf(lease)).reason).toBe('REQUEST_ID_REUSED');
    expect((await errorOf(status)).reason).toBe('REQUEST_ID_REUSED');
  });

  it('refuses an unknown status and an unknown lease', async () => {
    const { leaseId } = await register();
    const before = started.node.machine.snapshot();

    const status = 7 as typeof SERVING;
    const unknown = await errorOf(started.client.setStatus({ leaseId, status }));
    const gone = await errorOf(started.client.setStatus({ leaseId: '9-00', status: SERVING }));

    expect(unknown.fieldViolations.map(({ field }) => field)).toEqual(['status']);
    expect(gone.reason).toBe('LEASE_NOT_FOUND');
    expect(started.node.machine.snapshot()).toEqual(before);
  });
});

describe('Lookup', () => {
  it('finds nothing under an unknown name', async () => {
    expect((await started.client.lookup({ service: 'nobody' })).instances).toEqual([]);
  });

  it('lists the registry itself by its replicas', async () => {
    const { instances } = await started.client.lookup({ service: 'registry' });

    expect(instances.map(({ instanceId, address }) => [instanceId, address])).toEqual([
      ['registry-1', '10.0.0.1:50061'],
      ['registry-2', '10.0.0.2:50061'],
    ]);
    expect(instances[0]?.grpcServices).toEqual(['raftway.registry.v1.RegistryService']);
  });

  it('refuses bad names, and answers nothing without a leader', async () => {
    const bad = await errorOf(started.client.lookup({ service: 'a b' }));
    const empty = await errorOf(started.client.lookup({}));
    started.node.hasLeader = false;

    expect(bad.fieldViolations.map(({ field }) => field)).toEqual(['service']);
    expect(empty.fieldViolations.map(({ field }) => field)).toEqual(['service']);
    expect((await errorOf(started.client.lookup({ service: 'a' }))).reason).toBe('NO_LEADER');
  });
});

describe('ListServices', () => {
  it('sums up each service, sorted by name', async () => {
    await register();
    await register({ instanceId: 'greeter-2', status: DRAINING, grpcServices: ['a.B'] });
    await register({ service: 'archive', grpcServices: [] });

    const { services, nextPageToken } = await started.client.listServices({});

    expect(nextPageToken).toBe('');
    expect(services).toEqual([
      { service: 'archive', instances: 1, serving: 1, grpcServices: [] },
      {
        service: 'greeter',
        instances: 2,
        serving: 1,
        grpcServices: ['a.B', 'helloworld.Greeter'],
      },
      {
        service: 'registry',
        instances: 2,
        serving: 2,
        grpcServices: ['raftway.registry.v1.RegistryService'],
      },
    ]);
  });

  it('pages without gaps or repetition', async () => {
    for (const service of ['d', 'a', 'c', 'b']) await register({ service });

    const pages: string[][] = [];
    let pageToken = '';
    do {
      const page = await started.client.listServices({ pageSize: 2, pageToken });
      pages.push(page.services.map(({ service }) => service));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');

    expect(pages).toEqual([['a', 'b'], ['c', 'd'], ['registry']]);
  });

  it('refuses a page above the limit and a token that it did not give', async () => {
    const large = await errorOf(started.client.listServices({ pageSize: 1001 }));
    const token = await errorOf(started.client.listServices({ pageToken: 'not a token!' }));

    expect(large.metadata).toMatchObject({ field: 'page_size', limit: 'at most 1000' });
    expect(token.fieldViolations.map(({ field }) => field)).toEqual(['page_token']);
  });
});
