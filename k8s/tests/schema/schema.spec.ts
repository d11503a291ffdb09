import { applyPatch, type PatchOperation } from '../render/json-patch';
import type { KubeObject } from '../render/kube-object';
import { render } from '../render/render';
import { allRenderings, withOverlay } from '../support/manifests';
import { schemaProblems } from './schema-problems';

describe('the Kubernetes API', () => {
  it('has every object, field and type of every overlay and every set of components', () => {
    const objects = allRenderings().flatMap((rendering) => rendering.objects);

    expect(objects.length).toBeGreaterThan(400);
    expect(schemaProblems(objects)).toEqual([]);
  });

  describe('would refuse what is planted', () => {
    const planted = withOverlay('overlays/local', { components: ['components/mtls'] }, render);

    function broken(kind: string, operation: PatchOperation): KubeObject[] {
      const objects = structuredClone(planted);
      const found = objects.find((object) => object.kind === kind);
      applyPatch(found, [operation]);
      return objects;
    }

    it.each<[string, string, PatchOperation, RegExp]>([
      [
        'an unknown field',
        'Deployment',
        { op: 'add', path: '/spec/replicaz', value: 1 },
        /^Deployment\/gateway: .*replicaz/,
      ],
      [
        'an unknown field far down',
        'StatefulSet',
        {
          op: 'add',
          path: '/spec/template/spec/containers/0/readinessProbe/httpGet/prot',
          value: 1,
        },
        /^StatefulSet\/registry: .*prot/,
      ],
      [
        'a wrong type',
        'Deployment',
        { op: 'replace', path: '/spec/replicas', value: '1' },
        /^Deployment\/gateway: .*string/,
      ],
      [
        'a missing field',
        'Deployment',
        { op: 'remove', path: '/spec/selector' },
        /^Deployment\/gateway: .*selector/,
      ],
      [
        'an unknown field of another’s API',
        'Certificate',
        { op: 'add', path: '/spec/dnsName', value: 'gateway' },
        /^Certificate\/raftway-ca: .*dnsName/,
      ],
      ['an unknown kind', 'Service', { op: 'replace', path: '/kind', value: 'Servise' }, /Servise/],
      ['an unknown version', 'Service', { op: 'replace', path: '/apiVersion', value: 'v9' }, /v9/],
    ])('%s', (_what, kind, operation, message) => {
      expect(schemaProblems(broken(kind, operation))).toEqual([expect.stringMatching(message)]);
    });
  });
});
