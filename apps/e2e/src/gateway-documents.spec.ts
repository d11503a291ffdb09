import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './harness/eventually';
import { ForeignClient, type Message } from './harness/foreign-client';
import { type Ran, runProgram } from './harness/run-program';
import { Suite } from './harness/suite';

const PORT_OFFSET = 1_500;
const TIMEOUT_MS = 60_000;
const CHANGES = 40;

/** Gateways that take their documents from the registry of a real suite. */
describe('a gateway that follows the registry’s store', () => {
  let suite: Suite;
  let admin: string;
  let store: ForeignClient;
  let routes: string;

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: PORT_OFFSET, replicas: 1 });
    admin = `127.0.0.1:${8081 + PORT_OFFSET}`;
    await suite.kill('gateway');
    suite.startAgain('gateway', { RAFTWAY_DOCUMENTS: 'registry:///edge' });
    store = new ForeignClient(
      suite.process('registry-1').address,
      'raftway.registry.v1.ConfigService',
    );
    routes = join(suite.dataDir, 'routes');
    mkdirSync(routes);
    await eventually('the gateway is back', TIMEOUT_MS, async () => (await greeting()) !== '');
  });

  afterAll(async () => {
    store.close();
    rmSync(routes, { recursive: true });
    await suite.dispose();
  });

  /** What a request by a path of the documents alone is answered with; '' while it is not answered. */
  async function greeting(path = '/v1/greetings/Ada'): Promise<string> {
    const answer = await fetch(`http://${suite.gateway}${path}`).catch(() => undefined);
    const body = answer?.ok === true ? ((await answer.json()) as { message: string }) : undefined;
    return body?.message ?? '';
  }

  function apply(text: string, ...flags: string[]): Promise<Ran> {
    writeFileSync(join(routes, 'a.yaml'), text);
    const words = ['gateway', 'apply', routes, '--admin', admin, ...flags];
    return runProgram('tools/cli/dist/main.js', words, TIMEOUT_MS);
  }

  function route(name: string): string {
    return `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: hello }
spec:
  rules:
    - matches: [{ path: { value: /hello } }]
      filters:
        - type: URLRewrite
          urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /v1/greetings/${name} } }
      backendRefs: [{ name: greeter }]
`;
  }

  it('uses what raftway gateway apply writes there, and nothing of a mistake', async () => {
    const dry = await apply(route('Ada'), '--dry-run');
    const before = await greeting('/hello');
    const done = await apply(route('Ada'));
    const wrong = await apply('kind: Gatway');

    expect([dry.code, before, done.code, wrong.code]).toEqual([0, '', 0, 1]);
    expect(await greeting('/hello')).toBe('Hello, Ada!');
    const { entries } = (await store.call('List', { prefix: 'edge/' })) as { entries: Message[] };
    expect(entries.map(({ key }) => key)).toEqual([`edge/${routes}/a.yaml`]);
  });

  it('loses no call while documents change, and sees each change', async () => {
    const [key] = ((await store.call('List', { prefix: 'edge/' })) as { entries: Message[] })
      .entries;
    let changing = true;
    const seen = new Set<string>();
    const calling = (async () => {
      while (changing) seen.add(await greeting('/hello'));
    })();
    for (let change = 0; change < CHANGES; change += 1) {
      const name = `n${change % 2}`;
      await store.call('Put', { key: key?.['key'], value: route(name) });
      await eventually(
        'a change is seen',
        TIMEOUT_MS,
        async () => (await greeting('/hello')) === `Hello, ${name}!`,
      );
    }
    changing = false;
    await calling;

    expect([...seen].filter((text) => !/^Hello, (n0|n1|Ada)!$/.test(text))).toEqual([]);
  });

  it('goes on with the last documents and instances while the registry is down', async () => {
    await suite.kill('registry-1');

    const answers = new Set<string>();
    for (let call = 0; call < 50; call += 1) answers.add(await greeting('/hello'));
    const refused = await apply(route('Eve'));

    expect([...answers]).toEqual(['Hello, n1!']);
    // Nothing happened: nobody could be reached.
    expect(refused.code).toBe(69);
    expect(await greeting('/hello')).toBe('Hello, n1!');
  });
});
