import * as grpc from '@grpc/grpc-js';
import { type UnaryCall, type UnaryDone } from './support/echo-backend';
import { eventually, type Harness } from './support/harness';
import { encodeText, textBackend } from './support/text-backend';
import { TrafficGateway } from './support/traffic';

/** Changes of a call's headers, of each kind, in both directions. */
const documents = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: main }
spec:
  rules:
    - filters:
        - type: RequestHeaderModifier
          requestHeaderModifier:
            set: [{ name: X-Set, value: ours }]
            add: [{ name: X-Add, value: more }]
            remove: [X-Remove]
        - type: ResponseHeaderModifier
          responseHeaderModifier:
            set: [{ name: X-Set, value: ours }]
            add: [{ name: X-Add, value: more }]
            remove: [X-Remove]
      backendRefs: [{ name: echo }]
`;

let gateway: TrafficGateway;
let harness: Harness;
let metadata: grpc.Metadata | undefined;

function told(): grpc.Metadata {
  const values = new grpc.Metadata();
  values.set('x-set', 'theirs');
  values.set('x-add', 'theirs');
  values.set('x-remove', 'theirs');
  values.set('x-kept', 'theirs');
  return values;
}

/** Answers with headers and trailers that documents change; `fail` fails before any header. */
function unary(call: UnaryCall, done: UnaryDone): void {
  ({ metadata } = call);
  if (call.request.includes('fail'))
    return done({ code: grpc.status.NOT_FOUND, details: 'no', metadata: told() });
  call.sendMetadata(told());
  done(null, call.request, told());
}

beforeAll(async () => {
  gateway = await TrafficGateway.start(documents, {});
  ({ harness } = gateway);
  await textBackend(harness, { Unary: unary });
  let answer = 404;
  await eventually(() => {
    void post('application/json', '{"text":"x"}').then(({ status }) => (answer = status));
    return answer === 200;
  }, 'the gateway has learnt the schema');
});
afterAll(() => gateway.close());

function post(contentType: string, body: Buffer | string): Promise<Response> {
  return fetch(`http://${harness.gateway.address}/test.Echo/Unary`, {
    method: 'POST',
    headers: {
      'content-type': contentType,
      'x-set': 'theirs',
      'x-add': 'theirs',
      'x-remove': 'theirs',
      'x-kept': 'theirs',
    },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
}

function framed(text: string): Buffer {
  const message = encodeText(text);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const names = ['x-set', 'x-add', 'x-remove', 'x-kept'];
const changed = ['ours', 'theirs, more', null, 'theirs'];

const protocols: readonly (readonly [string, (text: string) => Promise<Response>])[] = [
  ['JSON', (text) => post('application/json', JSON.stringify({ text }))],
  ['Connect', (text) => post('application/proto', encodeText(text))],
  ['gRPC-Web', (text) => post('application/grpc-web+proto', framed(text))],
];

describe('header modifiers set, add and remove', () => {
  it('in gRPC, of requests and responses', async () => {
    const answer = await harness.client().unary(encodeText('x'), { metadata: told() });

    const values = (from?: grpc.Metadata): unknown[] =>
      names.map((name) => (from?.get(name).length === 0 ? null : from?.get(name).join(', ')));
    expect(values(metadata)).toEqual(changed);
    expect(values(answer.initial)).toEqual(changed);
  });

  it('what is set or removed does not come back as a trailer', async () => {
    const { trailers } = await harness.client().unary(encodeText('x'));

    const values = names.map((name) => trailers.get(name));
    expect(values).toEqual([[], ['theirs'], [], ['theirs']]);
  });

  it('in gRPC, of errors without headers, which stay so', async () => {
    const answer = await harness.client().unary(encodeText('fail'));

    expect(answer.code).toBe(grpc.status.NOT_FOUND);
    expect(answer.initial.getMap()).toEqual({});
    expect(names.map((name) => answer.trailers.get(name))).toEqual([
      ['ours'],
      ['theirs, more'],
      [],
      ['theirs'],
    ]);
  });

  it.each(protocols)('in %s, of requests', async (_name, call) => {
    await (await call('x')).arrayBuffer();

    expect(names.map((name) => metadata?.get(name).join(', ') || null)).toEqual(changed);
  });

  it.each(protocols)('in %s, of responses', async (name, call) => {
    const response = await call('x');
    await response.arrayBuffer();

    const values = names.map((one) => response.headers.get(one));
    // Trailers of JSON's unary calls are headers, too: what was added is there beside them.
    const expected =
      name === 'JSON' ? ['ours', 'theirs, more, theirs', null, 'theirs, theirs'] : changed;
    expect(values).toEqual(expected);
    expect(response.headers.get('trailer-x-set')).toBeNull();
    expect(response.headers.get('trailer-x-remove')).toBeNull();
  });

  it.each(protocols.slice(0, 2))('in %s, of errors', async (_name, call) => {
    const response = await call('fail');
    await response.arrayBuffer();

    expect(response.status).toBe(404);
    expect(names.map((name) => response.headers.get(name))).toEqual(changed);
  });

  it('in gRPC-Web, of errors, whose headers are the last message', async () => {
    const text = await (await post('application/grpc-web+proto', framed('fail'))).text();

    expect(text).toContain('grpc-status: 5');
    expect(text).toContain('x-set: ours');
    expect(text).not.toContain('x-remove');
  });
});
