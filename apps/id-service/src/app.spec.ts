import { id } from '@raftway/contracts';
import { Code } from '@raftway/errors';
import { decodeSnowflake, encodeSnowflake } from '@raftway/ids';
import { eventually, IdGroup, type IdClient, type StartedReplica } from '../test/id-group';
import { errorOf } from '@raftway/service-kit/testing';

const EPOCH_MS = Date.UTC(2025, 0, 1);

async function idsOf(client: IdClient, count: number): Promise<bigint[]> {
  const { ids } = await client.generateIds({ count });
  return ids.map(({ value }) => value);
}

function isGrowing(values: readonly bigint[]): boolean {
  return values.every((value, at) => at === 0 || value > (values[at - 1] as bigint));
}

// The machine may be slow: what is waited for is bounded, not how long it takes.
jest.setTimeout(60_000);

describe('IdService on one replica', () => {
  let group: IdGroup;
  let replica: StartedReplica;
  let client: IdClient;

  beforeAll(async () => {
    group = await IdGroup.start(1);
    replica = await group.serve(1);
    client = replica.client;
  });
  afterAll(() => group.stop());

  it('makes one id by default, exact in both notations', async () => {
    const { ids } = await client.generateIds({});

    expect(ids).toHaveLength(1);
    const [made] = ids;
    expect(made?.text).toBe(made?.value.toString());
    expect(made?.value).toBeGreaterThan(2n ** 53n);
  });

  it('makes ten thousand ids, growing within the batch and from batch to batch', async () => {
    const all = [...(await idsOf(client, 10_000)), ...(await idsOf(client, 10_000))];

    expect(all).toHaveLength(20_000);
    expect(isGrowing(all)).toBe(true);
  });

  it('answers from memory: two hundred calls are not two hundred entries', async () => {
    const before = group.cluster.node(1).status().lastIndex;

    await Promise.all(Array.from({ length: 200 }, () => idsOf(client, 10)));

    expect(group.cluster.node(1).status().lastIndex - before).toBeLessThan(20);
  });

  it('takes an id apart', async () => {
    const [made] = (await client.generateIds({ format: id.IdFormat.SNOWFLAKE })).ids;

    const inspected = await client.inspectId({ text: made?.text ?? '' });

    const { worker, sequence, timestampMs } = decodeSnowflake(made?.value ?? 0n);
    expect(inspected).toMatchObject({
      format: id.IdFormat.SNOWFLAKE,
      value: made?.value,
      worker,
      sequence,
    });
    const createdAtMs =
      Number(inspected.createdAt?.seconds) * 1000 + Number(inspected.createdAt?.nanos) / 1e6;
    expect(createdAtMs).toBe(EPOCH_MS + timestampMs);
    expect(Math.abs(createdAtMs - Date.now())).toBeLessThan(60_000);
  });

  it('takes an id of any age apart', async () => {
    const value = encodeSnowflake({ timestampMs: 1_001, worker: 3, sequence: 4 });

    expect(await client.inspectId({ text: value.toString() })).toMatchObject({
      createdAt: { seconds: BigInt(EPOCH_MS / 1000 + 1), nanos: 1_000_000 },
      sinceEpoch: { seconds: 1n, nanos: 1_000_000 },
      worker: 3,
      sequence: 4,
    });
  });

  it('gives each call the next numbers of its sequence', async () => {
    expect(await client.nextSequence({ name: 'orders' })).toEqual({ first: 1n, last: 1n });
    expect(await client.nextSequence({ name: 'orders', count: 10 })).toEqual({
      first: 2n,
      last: 11n,
    });
    expect(await client.nextSequence({ name: 'Aufträge 🧾', count: 1_000_000 })).toEqual({
      first: 1n,
      last: 1_000_000n,
    });
  });

  it('gives a repeated request the same numbers', async () => {
    const request = { name: 'repeated', count: 5, requestId: 'r1' };

    const answers = [await client.nextSequence(request), await client.nextSequence(request)];

    expect(answers[1]).toEqual(answers[0]);
    expect((await client.nextSequence({ name: 'repeated' })).first).toBe(6n);
  });

  it.each([
    { name: 'reused', count: 6 },
    { name: 'other', count: 5 },
  ])('refuses a request_id that was used for something else: %j', async (other) => {
    const requestId = `reused-${other.name}`;
    await client.nextSequence({ name: 'reused', count: 5, requestId });

    const error = await errorOf(client.nextSequence({ ...other, requestId }));

    expect([error.code, error.reason]).toEqual([Code.invalidArgument, 'REQUEST_ID_REUSED']);
  });

  const name257 = 'n'.repeat(257);
  it.each<[string, string, () => Promise<unknown>]>([
    ['too many ids', 'count', () => client.generateIds({ count: 10_001 })],
    ['very many ids', 'count', () => client.generateIds({ count: 0xffff_ffff })],
    ['an unknown format', 'format', () => client.generateIds({ format: 99 as id.IdFormat })],
    ['no text', 'text', () => client.inspectId({})],
    ['a text that is no number', 'text', () => client.inspectId({ text: 'x' })],
    ['a negative id', 'text', () => client.inspectId({ text: '-1' })],
    ['an id with leading zeros', 'text', () => client.inspectId({ text: '007' })],
    ['an id past 63 bits', 'text', () => client.inspectId({ text: (2n ** 63n).toString() })],
    ['a huge text', 'text', () => client.inspectId({ text: '9'.repeat(1_000_000) })],
    ['no name', 'name', () => client.nextSequence({})],
    ['a name of 257 characters', 'name', () => client.nextSequence({ name: name257 })],
    ['a name with a newline', 'name', () => client.nextSequence({ name: 'a\nb' })],
    ['too many numbers', 'count', () => client.nextSequence({ name: 'bad', count: 1_000_001 })],
    [
      'a request_id of 129 characters',
      'request_id',
      () => client.nextSequence({ name: 'bad', requestId: 'r'.repeat(129) }),
    ],
  ])('refuses %s', async (_what, field, call) => {
    const error = await errorOf(call());

    expect(error.code).toBe(Code.invalidArgument);
    expect(error.fieldViolations.map((violation) => violation.field)).toEqual([field]);
    expect(error.message.length).toBeLessThan(300);
  });

  it('tells of all bad fields at once, and changes nothing', async () => {
    const bad = { name: '', count: 2_000_000, requestId: 'r'.repeat(129) };

    const error = await errorOf(client.nextSequence(bad));

    expect(error.fieldViolations.map(({ field }) => field).sort()).toEqual([
      'count',
      'name',
      'request_id',
    ]);
    expect((await client.nextSequence({ name: 'bad' })).first).toBe(1n);
  });
});

describe('a restart', () => {
  it("takes the worker over, and its ids are above the old process's, though the clock went back", async () => {
    const group = await IdGroup.start(1);
    const before = await group.serve(1);
    const old = await idsOf(before.client, 10_000);
    await before.stop();
    const after = await group.serve(1, { wallClockMs: () => Date.now() - 2_000 });
    const fresh = await idsOf(after.client, 10);
    await group.stop();

    const workers = new Set([...old, ...fresh].map((value) => decodeSnowflake(value).worker));
    expect(workers.size).toBe(1);
    expect(isGrowing([...old, ...fresh])).toBe(true);
  });

  it('is safe, too, when the old process is still there', async () => {
    const group = await IdGroup.start(1);
    // Clocks that tick once a second: both processes want the same milliseconds.
    const wallClockMs = () => Math.floor(Date.now() / 1000) * 1000;
    const zombie = await group.serve(1, { wallClockMs });
    const ids = await idsOf(zombie.client, 10);
    const successor = await group.serve(1, { wallClockMs });
    const workers = new Set<number>();
    // Until the old process has noticed, and has a worker of its own; sixty seconds at most.
    for (let round = 0; round < 600 && workers.size < 2; round += 1) {
      const both = [idsOf(zombie.client, 5_000), idsOf(successor.client, 5_000)];
      const made = (await Promise.all(both)).flat();
      for (const value of made) workers.add(decodeSnowflake(value).worker);
      ids.push(...made);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await group.stop();

    expect(new Set(ids).size).toBe(ids.length);
    expect(workers.size).toBe(2);
  }, 90_000);
});

describe('the epoch', () => {
  it('cannot be another one than the group began with', async () => {
    const group = await IdGroup.start(1);
    const first = await group.serve(1);
    await idsOf(first.client, 1);
    const other = await group.serve(1, { environment: { idEpoch: '2024-01-01T00:00:00Z' } });

    const error = await errorOf(other.client.generateIds({}));
    const inspected = await other.client.inspectId({ text: '0' });
    const readiness = await fetch(`http://${other.app.httpAddress ?? ''}/readyz`);
    await group.stop();

    expect([error.code, error.reason]).toEqual([Code.failedPrecondition, 'EPOCH_MISMATCH']);
    expect(error.metadata).toMatchObject({
      groupEpoch: '2025-01-01T00:00:00.000Z',
      replicaEpoch: '2024-01-01T00:00:00.000Z',
    });
    expect(inspected.createdAt?.seconds).toBe(BigInt(EPOCH_MS / 1000));
    expect(readiness.status).toBe(503);
  });
});

describe('three replicas', () => {
  let group: IdGroup;

  beforeEach(async () => {
    group = await IdGroup.start(3);
  });
  afterEach(() => group.stop());

  it('share a sequence without gaps or repetitions', async () => {
    const replicas = await Promise.all([1, 2, 3].map((node) => group.serve(node)));

    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, at) =>
        (replicas[at % 3] as StartedReplica).client.nextSequence({
          name: 'shared',
          count: 1 + (at % 4),
        }),
      ),
    );

    const numbers = answers.flatMap(({ first, last }) => {
      return Array.from({ length: Number(last - first) + 1 }, (_, at) => Number(first) + at);
    });
    numbers.sort((left, right) => left - right);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, at) => at + 1));
  });

  it('never make an id twice while their clocks step by up to an hour', async () => {
    const offsetsMs = [0, 0, 0];
    const wallClock = (at: number) => () => Date.now() + (offsetsMs[at] ?? 0);
    const replicas = await Promise.all(
      [0, 1, 2].map((at) => group.serve(at + 1, { wallClockMs: wallClock(at) })),
    );
    const made: bigint[][] = [[], [], []];
    const stepping = setInterval(() => {
      offsetsMs[Math.floor(Math.random() * 3)] = (Math.random() * 2 - 1) * 3_600_000;
    }, 400);

    const untilMs = performance.now() + 6_000;
    await Promise.all(
      replicas.map(async ({ client }, at) => {
        while (performance.now() < untilMs || (made[at]?.length ?? 0) < 70_000) {
          const count = 1 + Math.floor(Math.random() * 10_000);
          // A replica whose clock has just stepped ahead may be without ids for a moment.
          made[at]?.push(...(await idsOf(client, count).catch(() => [])));
        }
      }),
    );
    clearInterval(stepping);

    const all = made.flat();
    expect(all.length).toBeGreaterThanOrEqual(200_000);
    expect(new Set(all).size).toBe(all.length);
    for (const own of made) expect(isGrowing(own)).toBe(true);
  }, 60_000);

  it('stop at the ceiling when cut off, say why, and go on when the link is back', async () => {
    let offsetMs = 0;
    const wallClockMs = () => Date.now() + offsetMs;
    const replicas = await Promise.all([1, 2, 3].map((node) => group.serve(node, { wallClockMs })));
    await Promise.all(replicas.map(({ client }) => idsOf(client, 1)));
    const leader = await group.cluster.leader();
    const cutOff = [1, 2, 3].find((node) => node !== leader.id) ?? 0;
    const { client } = replicas[cutOff - 1] as StartedReplica;

    group.cluster.isolate(cutOff);
    const whileCutOff = await idsOf(client, 10);
    offsetMs += 3_001;
    const error = await errorOf(client.generateIds({}, { timeoutMs: 2_000 }));
    group.cluster.heal();
    const after = await idsOf(client, 10);

    expect([error.code, error.reason]).toEqual([Code.unavailable, 'NO_WORKER_LEASE']);
    expect(error.retryDelayMs).toBeGreaterThan(0);
    expect(isGrowing([...whileCutOff, ...after])).toBe(true);
  }, 30_000);

  it('give ids on every replica through a change of leader', async () => {
    const replicas = await Promise.all([1, 2, 3].map((node) => group.serve(node)));
    const all = [await Promise.all(replicas.map(({ client }) => idsOf(client, 100)))].flat();
    const leader = await group.cluster.leader();

    await leader.transferLeadership();
    all.push(...(await Promise.all(replicas.map(({ client }) => idsOf(client, 100)))));

    expect(new Set(all.flat()).size).toBe(600);
  });

  it('give their worker numbers back on an orderly stop', async () => {
    const replica = await group.serve(1);
    await idsOf(replica.client, 1);
    const machine = group.cluster.stateMachine(1);
    expect(machine.nextDeadlineMs?.()).toBeDefined();

    await replica.stop();

    await eventually(() => machine.nextDeadlineMs?.() === undefined);
  });
});
