import { connect } from 'node:net';
import { CollectorServer } from './collector';

const SPAN = { name: 'a span', traceId: '1', spanId: '2', kind: 1 };
const TRACES = {
  resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ spans: [SPAN] }] }],
};

describe('the collector of these tests', () => {
  const collector = new CollectorServer();
  let endpoint: string;

  const send = (body: string): Promise<Response> =>
    fetch(`${endpoint}/v1/traces`, { method: 'POST', body });

  beforeAll(async () => {
    endpoint = await collector.start();
  });

  afterAll(() => collector.stop());

  it('goes on after a process that is killed while it exports', async () => {
    const { port } = new URL(endpoint);
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    const closed = new Promise((done) => socket.once('close', done));
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nhost: collector\r\ncontent-length: 100\r\n\r\n{"resou',
    );
    await new Promise((done) => setImmediate(done));
    socket.resetAndDestroy();
    await closed;

    expect((await send(JSON.stringify(TRACES))).status).toBe(200);
    expect(collector.spans.map(({ name }) => name)).toEqual(['a span']);
  });

  it('refuses what it cannot read', async () => {
    expect((await send('no JSON')).status).toBe(400);
  });
});
