import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { byName } from './by-name';
import { type KubeObject } from './kube-object';
import { render } from './render';

const FIXTURES = path.join(__dirname, 'fixtures');

describe('rendering', () => {
  it('gives what kustomize 5.5.0 gave for everything in the subset', () => {
    const expected = parseAllDocuments(readFileSync(path.join(FIXTURES, 'expected.yaml'), 'utf8'));

    const rendered = render(path.join(FIXTURES, 'overlay'));

    expect(byName(rendered)).toEqual(
      byName(expected.map((document) => document.toJS() as KubeObject)),
    );
  });
});

describe('what is outside of the subset', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'raftway-render-'));
    cpSync(FIXTURES, directory, { recursive: true });
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function renderWith(lines: string): () => KubeObject[] {
    const file = path.join(directory, 'overlay', 'kustomization.yaml');
    writeFileSync(
      file,
      `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\n${lines}\n`,
    );
    return () => render(path.dirname(file));
  }

  it.each([
    ['a field that it does not know', 'namePrefix: a-', /namePrefix/],
    [
      'labels in selectors',
      'labels: [{pairs: {a: b}, includeSelectors: true}]',
      /includeSelectors/,
    ],
    ['a patch without a target', 'patches: [{path: budget.yaml}]', /target/],
    [
      'a target that is a pattern',
      'patches: [{target: {kind: Deployment, name: ".*"}, path: budget.yaml}]',
      /plain name/,
    ],
    [
      'a strategic merge patch',
      'patches: [{target: {kind: StatefulSet, name: store}, patch: "spec: {replicas: 1}"}]',
      /only JSON 6902/,
    ],
    [
      'a patch of nothing',
      'patches: [{target: {kind: Deployment, name: none}, path: budget.yaml}]',
      /no Deployment none/,
    ],
    [
      'a path that leads nowhere',
      'patches: [{target: {kind: StatefulSet, name: store}, patch: "[{op: replace, path: /spec/replicaz, value: 1}]"}]',
      /replicaz leads nowhere/,
    ],
    ['replicas of nothing', 'replicas: [{name: none, count: 1}]', /no workload none/],
    [
      'a merge into nothing',
      'configMapGenerator: [{name: none, behavior: merge, literals: [A=1]}]',
      /no ConfigMap none/,
    ],
    [
      'a quoted literal',
      'configMapGenerator: [{name: new, literals: [\'A="1"\']}]',
      /neither quoted/,
    ],
    ['a component that is none', 'components: [../base]', /no Component/],
  ])('is refused: %s', (_what, lines, message) => {
    expect(renderWith(lines)).toThrow(message);
  });

  it('is refused: the same object twice', () => {
    const component = path.join(directory, 'component', 'kustomization.yaml');
    writeFileSync(
      component,
      'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [more.yaml]\n',
    );

    expect(renderWith('components: [../component]')()).toHaveLength(5);
    expect(renderWith('components: [../component, ../component]')).toThrow(/twice/);
  });
});
