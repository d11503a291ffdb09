import { request, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { Metadata } from '@grpc/grpc-js';
import { type UnaryCall, type UnaryDone } from './support/echo-backend';
import { Harness } from './support/harness';
import { encodeText, textBackend } from './support/text-backend';

const page = 'https://app.example.com';
let harness: Harness;
afterEach(() => harness.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function call(
  method: string,
  headers: Record<string, string>,
  body: Buffer | string = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const [host, port] = harness.gateway.address.split(':');
    const sent = request(
      { host, port, method, path: '/test.Echo/Unary', headers, agent: false },
      (response) => {
        void text(response).then((read) =>
          resolve({ status: response.statusCode, headers: response.headers, body: read }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const preflight = {
  origin: page,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type,x-mine',
};
const unary = { origin: page, 'content-type': 'application/proto' };

describe('pages of other origins', () => {
  it('may not call unless an option lists them', async () => {
    harness = await Harness.start();
    await textBackend(harness);

    const asked = await call('OPTIONS', preflight);
    const called = await call('POST', unary, encodeText('hello'));

    expect(asked.status).toBe(403);
    expect(asked.body).toContain('RAFTWAY_CORS_ORIGINS');
    expect(called.status).toBe(200);
    for (const { headers } of [asked, called])
      expect(Object.keys(headers).filter((name) => /^(access|vary)/.test(name))).toEqual([]);
  });

  it('may call when it does, and read the answer', async () => {
    harness = await Harness.start({ corsOrigins: [page], corsMaxAgeMs: 60_000 });
    const backend = await textBackend(harness, {
      Unary: (given: UnaryCall, done: UnaryDone) => {
        backend.note(given);
        const leading = new Metadata();
        leading.set('access-control-allow-origin', '*');
        given.sendMetadata(leading);
        done(null, given.request);
      },
    });

    const asked = await call('OPTIONS', preflight);
    const called = await call('POST', unary, encodeText('hello'));
    const refused = await call('POST', { origin: page, 'content-type': 'text/plain' }, 'x');
    const other = await call('OPTIONS', { ...preflight, origin: 'https://evil.example' });

    expect([asked.status, asked.body]).toEqual([204, '']);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': page,
      'access-control-allow-headers': 'content-type,x-mine',
      'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
      'access-control-max-age': '60',
      vary: 'origin',
    });
    expect(called.headers).toMatchObject({
      'access-control-allow-origin': page,
      'access-control-expose-headers': 'date',
    });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([415, page]);
    expect([other.status, other.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    expect(backend.calls).toBe(1);
  });
});
