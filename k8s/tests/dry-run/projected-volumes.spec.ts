import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { KubeObject } from '../render/kube-object';
import { render } from '../render/render';
import { applyPatch } from '../render/json-patch';
import { K8S } from '../support/manifests';
import { workloadNamed } from '../support/workloads';
import { ApiServer } from './api-server';
import { planPod } from './pod-plan';
import { writeProjectedVolumes } from './projected-volumes';

describe('projected volumes', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'raftway-projected-'));
  let api: ApiServer;
  let objects: KubeObject[];

  beforeAll(async () => {
    api = await ApiServer.start('127.0.0.1');
  });

  beforeEach(() => {
    objects = render(path.join(K8S, 'overlays', 'local'));
  });

  afterAll(async () => {
    await api.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  function write(): void {
    const workload = workloadNamed(objects, 'registry');
    const room = { network: '127.0.0', directory };
    writeProjectedVolumes(planPod(objects, workload, 'registry-0', 1, room), api);
  }

  it('are the credentials of the pod’s account', () => {
    write();

    const volume = path.join(directory, 'registry-0', 'kubernetes');
    const read = (file: string): string => readFileSync(path.join(volume, file), 'utf8');
    expect(readdirSync(volume).sort()).toEqual(['ca.crt', 'namespace', 'token']);
    expect(read('ca.crt')).toBe(api.caPem);
    expect(read('namespace')).toBe('raftway');
    expect(read('token')).toBe(api.tokenOf('raftway', 'registry'));
  });

  it.each([
    ['a Secret', { secret: { name: 'gateway-tls' } }, 'cannot project secret'],
    [
      'another ConfigMap',
      { configMap: { name: 'settings', items: [{ key: 'a', path: 'a' }] } },
      'cannot project settings',
    ],
  ])('are refused when there is %s in them', (_what, value, message) => {
    const set = objects.find(
      ({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'registry',
    );
    const sources = '/spec/template/spec/volumes/0/projected/sources/-';
    applyPatch(set, [{ op: 'add', path: sources, value }]);

    expect(write).toThrow(message);
  });
});
