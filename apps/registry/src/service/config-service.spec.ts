import { config } from '@raftway/contracts';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { eventually, startRegistry, type StartedRegistry } from '../testing/start-registry';
import { errorOf } from '@raftway/service-kit/testing';

let started: StartedRegistry;
let client: ServiceClient<typeof config.ConfigServiceService>;
const watchers: Watcher[] = [];

beforeEach(async () => {
  started = await startRegistry();
  client = createClient(config.ConfigServiceService, started.address, {
    attemptsMax: 1,
    shareChannel: false,
  });
});

afterEach(async () => {
  for (const watcher of watchers.splice(0)) watcher.stop();
  client.close();
  await started.stop();
});

/** Follows a Watch, and keeps what it amounts to. */
class Watcher {
  readonly told: string[] = [];
  progress = 0;
  revision = 0n;
  error: unknown;
  private readonly controller = new AbortController();

  constructor(prefix: string, fromRevision = 0n) {
    watchers.push(this);
    const { signal } = this.controller;
    void this.follow(client.watch({ prefix, fromRevision }, { signal }));
  }

  stop(): void {
    this.controller.abort();
  }

  private async follow(events: AsyncIterable<config.ConfigServiceWatchResponse>): Promise<void> {
    try {
      for await (const { revision, event } of events) {
        this.revision = revision;
        if (event?.$case === 'progress') this.progress += 1;
        else this.told.push(describeEvent(event));
      }
    } catch (error) {
      this.error = error;
    }
  }
}

function describeEvent(event: config.ConfigServiceWatchResponse['event']): string {
  const texts = (entries: readonly config.ConfigEntry[]) =>
    entries.map(({ key, value }) => `${key}=${value.slice(0, 8)}`).join(' ');
  switch (event?.$case) {
    case 'snapshot':
      return `snapshot${event.value.incomplete ? '…' : ''} ${texts(event.value.entries)}`;
    case 'delta': {
      const { upserts, removedKeys, incomplete } = event.value;
      const removed = removedKeys.map((key) => `-${key}`).join(' ');
      return `delta${incomplete ? '…' : ''} ${removed} ${texts(upserts)}`
        .replace(/ +/g, ' ')
        .trim();
    }
    case 'reset':
      return `reset ${event.value.reason}`;
    default:
      return String(event?.$case);
  }
}

function put(key: string, value: string): config.Operation {
  return { operation: { $case: 'put', value: { key, value } } };
}

function remove(key: string): config.Operation {
  return { operation: { $case: 'delete', value: { key } } };
}

describe('ConfigService', () => {
  it('keeps texts: Put, Get, Delete', async () => {
    const { revision } = await client.put({ key: 'a', value: 'x' });
    const got = await client.get({ key: 'a' });
    const removed = await client.delete({ key: 'a' });

    expect(got).toEqual({
      entry: { key: 'a', value: 'x', createdRevision: revision, modifiedRevision: revision },
      revision,
    });
    expect(removed.revision).toBe(revision + 1n);
    expect(await client.get({ key: 'a' })).toEqual({ entry: undefined, revision: revision + 1n });
    expect((await client.delete({ key: 'a' })).revision).toBe(revision + 1n);
  });

  it('sets a text only if nobody else has: CompareAndSwap', async () => {
    const swap = (value: string, expectedRevision: bigint) =>
      client.compareAndSwap({ key: 'a', value, expectedRevision });

    const created = await swap('x', 0n);
    const again = await swap('y', 0n);
    const changed = await swap('z', created.revision);

    expect([created.swapped, again.swapped, changed.swapped]).toEqual([true, false, true]);
    expect((await client.get({ key: 'a' })).entry?.value).toBe('z');
    expect((await swap('w', 2n ** 64n - 1n)).swapped).toBe(false);
  });

  it('makes several changes as one, or none: Txn', async () => {
    const { revision } = await client.txn({ operations: [put('a/1', 'x'), put('a/2', 'x')] });
    const unchanged = (sinceRevision: bigint): config.Condition => ({
      condition: { $case: 'prefix', value: { prefix: 'a/', sinceRevision } },
    });

    const done = await client.txn({
      conditions: [unchanged(revision)],
      operations: [put('a/1', 'y'), remove('a/2')],
    });
    const late = await client.txn({
      conditions: [unchanged(revision)],
      operations: [put('a/1', 'z')],
    });

    expect(done).toEqual({ succeeded: true, revision: revision + 1n, failedCondition: 0 });
    expect(late).toEqual({ succeeded: false, revision: revision + 1n, failedCondition: 0 });
    const { entries } = await client.list({ prefix: 'a/' });
    expect(entries.map(({ key, value }) => [key, value])).toEqual([['a/1', 'y']]);
  });

  it('lists by pages, which end early when texts are long', async () => {
    const long = 'x'.repeat(500_000);
    await client.txn({ operations: ['a', 'b', 'c'].map((key) => put(key, key)) });
    const first = await client.list({ pageSize: 2 });
    const second = await client.list({ pageSize: 2, pageToken: first.nextPageToken });
    for (const key of ['d', 'e', 'f', 'g']) await client.put({ key, value: long });
    const third = await client.list({});

    expect([first, second].map(({ entries }) => entries.map(({ key }) => key))).toEqual([
      ['a', 'b'],
      ['c'],
    ]);
    expect(second.nextPageToken).toBe('');
    expect(third.entries.map(({ key }) => key)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(third.nextPageToken).not.toBe('');
  });

  it('applies a request with an id once, and knows another request by it', async () => {
    const request = { key: 'a', value: 'x', requestId: 'r1' };
    const first = await client.put(request);
    await client.put({ key: 'a', value: 'y' });

    expect(await client.put(request)).toEqual(first);
    expect((await client.get({ key: 'a' })).entry?.value).toBe('y');
    expect(await errorOf(client.put({ ...request, value: 'z' }))).toMatchObject({
      reason: 'REQUEST_ID_REUSED',
    });
  });

  it.each([
    ['no key', () => client.put({ key: '' }), 'key'],
    ['a long key', () => client.put({ key: 'x'.repeat(513) }), 'key'],
    ['a key with a line break', () => client.get({ key: 'a\nb' }), 'key'],
    ['a long text', () => client.put({ key: 'a', value: 'ü'.repeat(262_145) }), 'value'],
    [
      'two changes of one key',
      () => client.txn({ operations: [put('a', ''), remove('a')] }),
      'operations[1]',
    ],
    [
      'an empty change',
      () => client.txn({ operations: [{ operation: undefined }] }),
      'operations[0]',
    ],
    [
      'an empty condition',
      () => client.txn({ conditions: [{ condition: undefined }] }),
      'conditions[0]',
    ],
    [
      'more than fits into one change',
      () => client.txn({ operations: ['a', 'b', 'c'].map((key) => put(key, 'x'.repeat(400_000))) }),
      'operations',
    ],
    ['a page that is too long', () => client.list({ pageSize: 1001 }), 'page_size'],
    ['a page token of its own making', () => client.list({ pageToken: '!' }), 'page_token'],
  ])('refuses %s, and names the field', async (_what, send, field) => {
    const error = await errorOf(send());

    expect(error.codeName).toBe('INVALID_ARGUMENT');
    expect(error.fieldViolations.map((violation) => violation.field)).toEqual([field]);
  });

  it('says which limit is reached', async () => {
    const value = 'x'.repeat(500_000);
    const fill = async (): Promise<void> => {
      for (let number = 0; ; number += 1) await client.put({ key: `k${number}`, value });
    };

    expect(await errorOf(fill())).toMatchObject({
      codeName: 'RESOURCE_EXHAUSTED',
      reason: 'LIMIT_REACHED',
      metadata: { field: 'configBytesMax', limit: '16777216' },
    });
  });

  it('is not listed as something that can be called through a gateway', async () => {
    const { services } = await started.client.listServices({});

    expect(services.flatMap(({ grpcServices }) => grpcServices)).toEqual([
      'raftway.registry.v1.RegistryService',
    ]);
  });
});

describe('ConfigService.Watch', () => {
  it('tells a snapshot, then every change below the prefix, and nothing of others', async () => {
    await client.txn({ operations: [put('a/1', 'x'), put('b/1', 'x')] });
    const watcher = new Watcher('a/');
    await eventually(() => watcher.told.length === 1);

    await client.put({ key: 'b/1', value: 'y' });
    const { revision } = await client.txn({ operations: [put('a/2', 'y'), remove('a/1')] });
    await eventually(() => watcher.told.length === 2 && watcher.progress > 0);

    expect(watcher.told).toEqual(['snapshot a/1=x', 'delta -a/1 a/2=y']);
    expect(watcher.revision).toBe(revision);
  });

  it('goes on from a revision, and begins anew when it is not known', async () => {
    const first = await client.put({ key: 'a', value: 'x' });
    await client.put({ key: 'b', value: 'y' });

    const resumed = new Watcher('', first.revision);
    const unknown = new Watcher('', first.revision + 100n);
    await eventually(() => resumed.told.length === 1 && unknown.told.length === 2);

    expect(resumed.told).toEqual(['delta b=y']);
    expect(unknown.told).toEqual([
      `reset revision ${first.revision + 100n} is newer than the store's ${first.revision + 1n}`,
      'snapshot a=x b=y',
    ]);
  });

  it('tells what is large in parts, of which the last is complete', async () => {
    const value = 'x'.repeat(400_000);
    const watcher = new Watcher('');
    await eventually(() => watcher.told.length === 1);
    const { revision } = watcher;
    watcher.stop();
    for (const key of ['a', 'b', 'c']) await client.put({ key, value });

    const snapshot = new Watcher('');
    await client.put({ key: 'd', value });
    await eventually(() => snapshot.told.some((text) => text.includes('d=')));
    const delta = new Watcher('', (await client.get({ key: 'a' })).entry?.modifiedRevision);
    await eventually(() => delta.told.length === 2);

    expect(revision).toBe(1n);
    expect(snapshot.told[0]).toBe('snapshot… a=xxxxxxxx b=xxxxxxxx');
    expect(delta.told).toEqual(['delta… b=xxxxxxxx c=xxxxxxxx', 'delta d=xxxxxxxx']);
  });

  it('is told again after a restore', async () => {
    await client.put({ key: 'a', value: 'x' });
    const watcher = new Watcher('');
    await eventually(() => watcher.told.length === 1);
    const snapshot = started.node.machine.snapshot();
    await client.put({ key: 'b', value: 'y' });
    await eventually(() => watcher.told.length === 2);

    started.node.install(snapshot);
    await eventually(() => watcher.told.length === 4);

    expect(watcher.told[3]).toBe('snapshot a=x');
  });
});
