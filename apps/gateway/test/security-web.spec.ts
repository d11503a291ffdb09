import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameMessage, percentDecode } from '@raftway/http2';
import { eventually, Harness } from './support/harness';
import { RawHttp1 } from './support/raw-http1';
import { rawCall } from './support/raw-http2';
import { edge, securityPolicy } from './support/secured';
import { encodeText, textBackend } from './support/text-backend';

let harness: Harness;
let directory: string;
const key = 'key-of-web';
const sha256 = createHash('sha256').update(key).digest('hex');
const page = 'https://app.example.com';

/** A Gateway whose callers have a key, and may call `test.Echo/Unary` and the schemas. */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'raftway-security-'));
  writeFileSync(
    join(directory, 'all.yaml'),
    edge +
      securityPolicy(`apiKeys: { keys: [{ id: web, sha256: ${sha256} }] }, rules: [
        { name: unary, principals: [{ apiKey: {} }], methods: [test.Echo/Unary, grpc.reflection.*] }]`),
  );
  harness = await Harness.start({ documents: directory, corsOrigins: [page] });
  await textBackend(harness);
});
afterEach(async () => {
  await harness.close();
  rmSync(directory, { recursive: true });
});

const web = (text: string): Buffer => frameMessage(encodeText(text));
const forms = {
  Connect: { type: 'application/proto', body: encodeText('hello') },
  'gRPC-Web': { type: 'application/grpc-web+proto', body: web('hello') },
  JSON: { type: 'application/json', body: Buffer.from('{"text": "hello"}') },
} as const;
type Form = keyof typeof forms;
const allForms = Object.keys(forms) as Form[];

function call(form: Form, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const { type, body } = forms[form];
  return fetch(`http://${harness.gateway.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: new Uint8Array(body),
  });
}

/** Waits until JSON is known. */
async function known(): Promise<void> {
  const endMs = performance.now() + 20_000;
  while ((await call('JSON', '/test.Echo/Unary', { 'x-api-key': key })).status !== 200)
    if (performance.now() > endMs) throw new Error('the schema does not come');
}

describe.each(allForms)('a call of %s', (form) => {
  it('with a key passes, as the method that it is or becomes', async () => {
    await known();
    const answer = await call(form, '/test.Echo/Unary', { 'x-api-key': key });

    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('hello');
    const seen = harness.backends[0]?.metadata.at(-1);
    expect(seen?.get('raftway-identity-principal')).toEqual(['web']);
  });

  it('without one is told what to show', async () => {
    await known();
    const calls = harness.backends[0]?.calls;

    const answer = await call(form, '/test.Echo/Unary');
    const body = await answer.text();

    if (form === 'gRPC-Web') expect(body).toContain('grpc-status: 16');
    else {
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('header="x-api-key"');
      expect(body).toContain('wants an API key');
    }
    expect(harness.backends[0]?.calls).toBe(calls);
  });

  it('of a method that no rule allows is denied', async () => {
    await known();
    const calls = harness.backends[0]?.calls;

    const answer = await call(form, '/test.Echo/Look', { 'x-api-key': key });
    const body = await answer.text();

    if (form === 'gRPC-Web') expect(body).toContain('grpc-status: 7');
    else expect(answer.status).toBe(403);
    expect(harness.backends[0]?.calls).toBe(calls);
  });
});

/** Ways to write the path of a method that a rule might be passed by with (CVE-2026-33186). */
const disguised = [
  '//test.Echo/Look',
  '/test.Echo//Look',
  '/test.Echo/Look/',
  '/test.Echo%2FLook',
  '/test.Echo%2fLook',
  '/test.Echo/%4cook',
  '/./test.Echo/Look',
  '/test.Echo/Unary/../Look',
  '/test.Echo/Look;x',
];

it.each(disguised)('%s reaches nobody, in any protocol', async (path) => {
  await known();
  const calls = harness.backends[0]?.calls;

  const answers: [string, string][] = [];
  for (const { type, body } of Object.values(forms)) {
    // fetch would tidy the path.
    const raw = new RawHttp1(harness.gateway.address);
    const head = `POST ${path} HTTP/1.1\r\nhost: a\r\nx-api-key: ${key}\r\nconnection: close\r\n`;
    raw.send(`${head}content-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`, body);
    await eventually(() => raw.isClosed, 'an answer');
    answers.push([type, raw.text]);
  }
  const grpc = await rawCall(
    harness.gateway.address,
    web('hello'),
    [
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ['x-api-key', key],
    ],
    { ':path': path },
  );

  for (const [type, text] of answers) {
    if (type.startsWith('application/grpc-web')) expect(text).toContain('grpc-status: 12');
    // What JSON's rules make a method of is judged as that.
    else expect(text).toMatch(/^HTTP\/1.1 (?:404|501|403[^]*test.Echo\/Look: no rule allows it)/);
  }
  expect(percentDecode(grpc.headers.join(' ')).toString()).toContain(
    'is not /package.Service/Method',
  );
  expect(harness.backends[0]?.calls).toBe(calls);
});

it('a path without a slash is no request at all', async () => {
  const raw = new RawHttp1(harness.gateway.address);
  raw.send(`POST test.Echo/Look HTTP/1.1\r\nhost: a\r\nx-api-key: ${key}\r\n\r\n`);
  await eventually(() => raw.isClosed || raw.text !== '', 'an answer');
  const grpc = await rawCall(
    harness.gateway.address,
    web('hello'),
    [['content-type', 'application/grpc']],
    { ':path': 'test.Echo/Look' },
  );

  expect(raw.text).toMatch(/^HTTP\/1.1 4\d\d /);
  expect(grpc.headers.join(' ')).toContain(
    'grpc-status 12 grpc-message the path "test.Echo/Look" is not',
  );
  expect(harness.backends[0]?.calls).toBe(0);
});

it('preflights pass without credentials, and calls of pages do not', async () => {
  const url = `http://${harness.gateway.address}/test.Echo/Unary`;
  const asked = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin: page,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-api-key',
    },
  });
  const called = await call('Connect', '/test.Echo/Unary', { origin: page });

  expect(asked.status).toBe(204);
  expect(asked.headers.get('access-control-allow-headers')).toBe('x-api-key');
  expect(called.status).toBe(401);
  expect(called.headers.get('access-control-allow-origin')).toBe(page);
});

it('the description of all services is for those who may have it', async () => {
  const url = `http://${harness.gateway.address}/openapi.json`;

  const none = await fetch(url);
  const known = await fetch(url, { headers: { 'x-api-key': key } });

  expect(none.status).toBe(401);
  expect(none.headers.get('www-authenticate')).toContain('ApiKey');
  expect([known.status, (await known.text()).startsWith('{"openapi"')]).toEqual([200, true]);
});
