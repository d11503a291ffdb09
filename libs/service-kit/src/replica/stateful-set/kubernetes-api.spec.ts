import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestAuthority } from '@raftway/tls/testing';
import { kubernetesAddress, KubernetesApi } from './kubernetes-api';

let authority: TestAuthority;
let server: Server;
let credentials: string;
let asked: { url: string | undefined; authorization: string | undefined } | undefined;
let answer: { status: number; body: string };

beforeAll(async () => {
  authority = await TestAuthority.create();
  const { identity } = await authority.issue();
  const cert = readFileSync(identity.certificate);
  server = createServer({ cert, key: readFileSync(identity.privateKey) }, (request, response) => {
    asked = { url: request.url, authorization: request.headers.authorization };
    response.writeHead(answer.status);
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  credentials = await mkdtemp(path.join(tmpdir(), 'raftway-credentials-'));
  await writeFile(path.join(credentials, 'token'), 'a-token\n');
  await writeFile(path.join(credentials, 'ca.crt'), authority.caPem);
  await writeFile(path.join(credentials, 'namespace'), 'raftway');
});

beforeEach(() => {
  asked = undefined;
  answer = { status: 200, body: JSON.stringify({ metadata: {}, spec: { replicas: 5 } }) };
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await authority.remove();
  await rm(credentials, { recursive: true });
});

function read(signal = new AbortController().signal) {
  const { port } = server.address() as AddressInfo;
  const api = new KubernetesApi({ host: '127.0.0.1', port }, 'lock-service', credentials);
  return api.readSize(signal);
}

describe('the Kubernetes API', () => {
  it('is asked for the StatefulSet with the pod’s token', async () => {
    expect(await read()).toEqual({ replicas: 5, firstOrdinal: 0 });
    expect(asked).toEqual({
      url: '/apis/apps/v1/namespaces/raftway/statefulsets/lock-service',
      authorization: 'Bearer a-token',
    });
  });

  it('says with which ordinal the pods begin', async () => {
    const spec = { replicas: 3, ordinals: { start: 4 } };
    answer.body = JSON.stringify({ metadata: {}, spec });
    expect(await read()).toEqual({ replicas: 3, firstOrdinal: 4 });
  });

  it.each([
    [401, 'does not take the token'],
    [403, 'a Role that may get statefulsets, resourceNames lock-service'],
    [404, 'RAFTWAY_KUBERNETES_STATEFUL_SET'],
    [500, 'answered 500'],
  ])('is not believed with status %d, and what to do is said', async (status, message) => {
    answer.status = status;
    await expect(read()).rejects.toThrow(message);
  });

  it.each([
    ['no JSON', 'no'],
    ['no set', '{}'],
    ['a number that is none', '{"spec":{"replicas":"3"}}'],
    ['a negative number', '{"spec":{"replicas":-1}}'],
    [
      'a set that is being deleted',
      '{"metadata":{"deletionTimestamp":"now"},"spec":{"replicas":0}}',
    ],
  ])('is not believed when it answers %s', async (_what, body) => {
    answer.body = body;
    await expect(read()).rejects.toThrow();
  });

  it('is not believed without end', async () => {
    answer.body = JSON.stringify({ spec: { replicas: 3, more: 'x'.repeat(3 * 1024 * 1024) } });
    await expect(read()).rejects.toThrow('bytes');
  });

  it('has to be the one whose CA the pod was given', async () => {
    const other = await TestAuthority.create();
    await writeFile(path.join(credentials, 'ca.crt'), other.caPem);
    await expect(read()).rejects.toThrow(/certificate|signature/);
    expect(asked).toBeUndefined();
    await writeFile(path.join(credentials, 'ca.crt'), authority.caPem);
    await other.remove();
  });

  it('is not waited for any longer than the process runs', async () => {
    await expect(read(AbortSignal.abort())).rejects.toThrow();
  });

  it('is where the kubelet says, and nowhere outside of a cluster', () => {
    const environment = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' };
    expect(kubernetesAddress(environment)).toEqual({ host: '10.96.0.1', port: 6443 });
    expect(kubernetesAddress({})).toBeUndefined();
  });
});
