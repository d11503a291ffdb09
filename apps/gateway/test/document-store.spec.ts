import { gateway } from '@raftway/contracts';
import { type ConfigView } from '@raftway/discovery';
import { MemoryConfigStore } from '@raftway/discovery/testing';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { createGatewayApp, type GatewayApp } from '../src/app';
import { defaultGatewayOptions } from '../src/options';
import { routeTo } from './support/document-gateway';
import { EchoBackend, EchoClient, type Outcome } from './support/echo-backend';
import { FakeView, instanceOf } from './support/fake-view';
import { errorInfo, eventually } from './support/harness';
import { errorOf } from '@raftway/service-kit/testing';

// Gateways that take their documents from the registry's configuration.

const any = '127.0.0.1:0';
const view = new FakeView();
const backends = [new EchoBackend('v1'), new EchoBackend('v2')];
let store: MemoryConfigStore;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  for (const backend of backends) await backend.start();
  view.set(
    ...backends.map(({ name, address }) =>
      instanceOf(address, { service: name, instanceId: name, grpcServices: [] }),
    ),
  );
});

beforeEach(() => (store = new MemoryConfigStore()));

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(() => backends.forEach((backend) => backend.stop()));

interface Started {
  readonly app: GatewayApp;
  readonly admin: ServiceClient<typeof gateway.GatewayAdminServiceService>;
  /** What answers, or the reason of the refusal. */
  readonly servedBy: (authority?: string) => Promise<string>;
}

async function start(config = store.view('edge/')): Promise<Started> {
  const app = createGatewayApp({
    options: {
      ...defaultGatewayOptions(),
      ...{ bind: any, adminBind: any, httpBind: any, drainDelayMs: 0 },
      documents: 'registry:///edge',
    },
    view,
    config,
  });
  await app.start();
  const admin = createClient(gateway.GatewayAdminServiceService, app.adminAddress ?? '', {
    attemptsMax: 1,
  });
  const client = new EchoClient(app.address);
  closing.push(
    () => client.close(),
    () => admin.close(),
    () => app.stop(),
    () => config.close(),
  );
  return { app, admin, servedBy: async () => outcomeText(await client.unary('x')) };
}

function outcomeText({ code, trailers }: Outcome): string {
  return code === 0 ? String(trailers.get('served-by')[0]) : (errorInfo(trailers)?.reason ?? '');
}

async function untilServedBy({ servedBy }: Started, name: string): Promise<void> {
  let by = '';
  await eventually(() => {
    void servedBy().then((now) => (by = now));
    return by === name;
  }, `calls to ${name}`);
}

function files(texts: Readonly<Record<string, string>>): gateway.DocumentFile[] {
  return Object.entries(texts).map(([path, text]) => ({ path, text }));
}

async function isReady({ app }: Started): Promise<boolean> {
  return (await fetch(`http://${app.httpAddress}/readyz`)).ok;
}

it('routes by what is there, and by every change from then on', async () => {
  store.set({ 'edge/a.yaml': routeTo('v1'), 'other/a.yaml': 'no document' });
  const started = await start();
  await untilServedBy(started, 'v1');

  store.set({ 'edge/a.yaml': routeTo('v2') });
  await untilServedBy(started, 'v2');
  store.set({ 'edge/a.yaml': undefined });
  await untilServedBy(started, 'SERVICE_UNKNOWN');

  const { documents, generation } = await started.admin.listDocuments({});
  expect([documents, generation]).toEqual([[], 3n]);
});

it('sees a change of several entries as one: no call is without a route while it moves from file to file', async () => {
  store.set({ 'edge/a.yaml': routeTo('v1') });
  const started = await start();
  await untilServedBy(started, 'v1');
  const seen = new Set<string>();
  let moving = true;
  const calling = (async () => {
    while (moving) seen.add(await started.servedBy());
  })();

  for (let change = 0; change < 200; change += 1) {
    const [from, to] = change % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
    store.set({
      [`edge/${from}.yaml`]: undefined,
      [`edge/${to}.yaml`]: routeTo(`v${1 + (change % 2)}`),
    });
    seen.add(await started.servedBy());
  }
  moving = false;
  await calling;

  expect([...seen].sort()).toEqual(['v1', 'v2']);
});

it('keeps what it has for a set with a mistake, and for a store that is away', async () => {
  store.set({ 'edge/a.yaml': routeTo('v1') });
  const started = await start();
  await untilServedBy(started, 'v1');

  store.set({ 'edge/b.yaml': 'apiVersion: a\nkind: Gatway\n' });
  await eventually(() => store.revision > 0n, 'the change');
  let problems: readonly string[] = [];
  await eventually(() => {
    void started.admin.listDocuments({}).then((answer) => (problems = answer.problems));
    return problems.length > 0;
  }, 'the mistake');
  expect(problems[0]).toMatch(/^b\.yaml:1 unknown kind "Gatway"/);
  expect(await started.servedBy()).toBe('v1');

  store.setAway(true);
  store.set({ 'edge/a.yaml': routeTo('v2'), 'edge/b.yaml': undefined });
  expect(await started.servedBy()).toBe('v1');
  store.setAway(false);
  await untilServedBy(started, 'v2');
});

it('lets no call through before it has seen the store, and is not ready', async () => {
  store.set({ 'edge/a.yaml': routeTo('v1') });
  store.setAway(true);
  const started = await start();

  expect([await started.servedBy(), await isReady(started)]).toEqual([
    'DOCUMENTS_NOT_LOADED',
    false,
  ]);
  expect(await errorOf(started.admin.applyDocuments({ files: [] }))).toMatchObject({
    codeName: 'UNAVAILABLE',
    reason: 'REGISTRY_UNAVAILABLE',
  });

  store.setAway(false);
  await untilServedBy(started, 'v1');
  expect(await isReady(started)).toBe(true);
});

it('takes a store without documents for no documents', async () => {
  const started = await start();

  await untilServedBy(started, 'SERVICE_UNKNOWN');
  expect(await isReady(started)).toBe(true);
});

describe('ApplyDocuments', () => {
  it('writes them to the store, for all gateways, and answers when its own uses them', async () => {
    store.set({ 'edge/old.yaml': routeTo('v1'), 'other/a.yaml': 'left alone' });
    const [one, other] = [await start(), await start()];
    await untilServedBy(one, 'v1');

    const answer = await one.admin.applyDocuments({
      files: files({ 'routes/a.yaml': routeTo('v2', 'new') }),
    });

    expect(await one.servedBy()).toBe('v2');
    expect(answer.documents).toEqual([
      { document: 'GRPCRoute default/all', change: gateway.ChangeKind.REMOVED },
      { document: 'GRPCRoute default/new', change: gateway.ChangeKind.ADDED },
    ]);
    expect(answer.generation).toBe(2n);
    await untilServedBy(other, 'v2');
    expect([...store.below('').keys()].sort()).toEqual(['edge/routes/a.yaml', 'other/a.yaml']);
  });

  it('answers when its own gateway uses them, however late it hears of them', async () => {
    const view = store.view('edge/');
    const late: ConfigView = {
      entries: () => view.entries(),
      revision: () => view.revision(),
      isConnected: () => view.isConnected(),
      transact: (...given) => view.transact(...given),
      close: () => view.close(),
      onChange: (listener) => view.onChange((change) => setTimeout(() => listener(change), 50)),
    };
    const started = await start(late);
    await untilServedBy(started, 'SERVICE_UNKNOWN');

    const answer = await started.admin.applyDocuments({
      files: files({ 'a.yaml': routeTo('v2') }),
    });

    expect([await started.servedBy(), answer.generation]).toEqual(['v2', 2n]);
  });

  it('writes nothing of a set with a mistake, nor with dry_run, nor when nothing differs', async () => {
    store.set({ 'edge/a.yaml': routeTo('v1') });
    const started = await start();
    await untilServedBy(started, 'v1');
    const { revision } = store;
    const apply = (text: string, dryRun = false) =>
      started.admin.applyDocuments({ files: files({ 'a.yaml': text }), dryRun });

    expect((await errorOf(apply('kind: Gatway'))).codeName).toBe('INVALID_ARGUMENT');
    expect((await apply(routeTo('v2'), true)).documents).toHaveLength(1);
    expect((await apply(routeTo('v1'))).documents).toEqual([]);
    expect(
      (
        await errorOf(
          started.admin.applyDocuments({
            files: [
              { path: 'a.yaml', text: '# one' },
              { path: 'a.yaml', text: '# two' },
            ],
          }),
        )
      ).codeName,
    ).toBe('INVALID_ARGUMENT');
    expect(store.revision).toBe(revision);
  });

  it('overwrites nothing that it has not seen', async () => {
    store.set({ 'edge/a.yaml': routeTo('v1') });
    const started = await start();
    await untilServedBy(started, 'v1');
    // The gateway has not heard of this one when it writes.
    const transact = store.transact.bind(store);
    store.transact = (...given) => {
      store.set({ 'edge/b.yaml': routeTo('v1', 'other') });
      return transact(...given);
    };

    const error = await errorOf(
      started.admin.applyDocuments({ files: files({ 'a.yaml': routeTo('v2') }) }),
    );

    expect(error).toMatchObject({ codeName: 'ABORTED', reason: 'DOCUMENTS_CHANGED' });
    expect(store.below('edge/').get('edge/a.yaml')).toBe(routeTo('v1'));
  });

  it('fails while the store is away, and what holds goes on', async () => {
    store.set({ 'edge/a.yaml': routeTo('v1') });
    const started = await start();
    await untilServedBy(started, 'v1');
    store.setAway(true);

    const error = await errorOf(
      started.admin.applyDocuments({ files: files({ 'a.yaml': routeTo('v2') }) }),
    );

    expect(error.codeName).toBe('UNAVAILABLE');
    expect(await started.servedBy()).toBe('v1');
  });
});
