import { at, describeObject, type KubeObject, listAt } from '../../render/kube-object';
import { configMapReferences } from '../../render/config-maps';
import { APPS, selects, textFields, type Workload, workloads } from '../../support/workloads';
import { type Rule, when } from './rule';

function forEach(
  kind: string,
  name: string,
  problems: (object: KubeObject, objects: readonly KubeObject[]) => string[],
): Rule {
  return {
    name,
    problems: ({ objects }) =>
      objects
        .filter((object) => object.kind === kind)
        .flatMap((object) =>
          problems(object, objects).map((problem) => `${describeObject(object)} ${problem}`),
        ),
  };
}

/** What has to fit together between objects. */
export const referenceRules: readonly Rule[] = [
  forEach('Service', 'every Service leads to ports that its pods have', (service, objects) => {
    const behind = selected({ matchLabels: at(service, 'spec', 'selector') }, objects);
    return [
      ...when(behind.length !== 1, `selects ${behind.length} workloads`),
      ...listAt(service, 'spec', 'ports').flatMap(({ port, targetPort }) =>
        behind
          // The same number on both sides: a headless Service does not translate.
          .filter(({ ports }) => ports.get(String(targetPort)) !== port)
          .map(({ name }) => `leads to ${String(targetPort)}=${String(port)}, not on ${name}`),
      ),
    ];
  }),
  forEach('PodDisruptionBudget', 'every budget is one workload’s', (budget, objects) => {
    const behind = selected(at(budget, 'spec', 'selector'), objects);
    return [
      ...when(behind.length !== 1, `selects ${behind.length} workloads`),
      ...when(at(budget, 'spec', 'maxUnavailable') !== 1, 'allows not exactly one'),
    ];
  }),
  {
    name: 'every workload of several pods has a budget',
    problems: ({ objects }) =>
      workloads(objects)
        .filter(({ replicas, app }) => app !== undefined && replicas > 1)
        .filter(
          ({ labels }) =>
            !objects.some(
              (object) =>
                object.kind === 'PodDisruptionBudget' &&
                selects(at(object, 'spec', 'selector'), labels),
            ),
        )
        .map(({ name }) => `${name} has no budget`),
  },
  {
    name: 'every workload selects its own pods, and nobody else’s',
    problems: ({ objects }) =>
      workloads(objects).flatMap(({ name, object }) => {
        const behind = selected(at(object, 'spec', 'selector'), objects).map((one) => one.name);
        return when(behind.join() !== name, `${name} selects pods of ${behind.join()}`);
      }),
  },
  {
    name: 'every pod runs as a ServiceAccount of its own',
    problems: ({ objects }) =>
      workloads(objects).flatMap(({ name, pod }) => {
        const account = objects.find(
          ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === name,
        );
        return [
          ...when(pod['serviceAccountName'] !== name, `${name} runs as somebody else`),
          ...when(account?.['automountServiceAccountToken'] !== false, `${name}: no safe account`),
        ];
      }),
  },
  {
    name: 'every ConfigMap is used, and every one that is used exists',
    problems: ({ objects }) => {
      const used = objects.flatMap(configMapReferences).map(({ name }) => String(name));
      const there = objects.filter(({ kind }) => kind === 'ConfigMap');
      const names = there.map(({ metadata }) => metadata.name);
      // Grafana's sidecar finds dashboards by their label; no pod of ours mounts them.
      const own = there.filter(
        (each) => at(each, 'metadata', 'labels', 'grafana_dashboard') !== '1',
      );
      const unused = own
        .map(({ metadata }) => metadata.name)
        .filter((name) => !used.includes(name));
      return [
        ...used.filter((name) => !names.includes(name)).map((name) => `${name} does not exist`),
        ...unused.map((name) => `${name} is not used`),
      ];
    },
  },
  forEach(
    'HorizontalPodAutoscaler',
    'only Deployments are scaled, and only by one',
    (scaler, objects) => {
      const { kind, name } = textFields(at(scaler, 'spec', 'scaleTargetRef'));
      const target = objects.find((one) => one.kind === kind && one.metadata.name === name);
      return [
        ...when(kind !== 'Deployment', `scales a ${String(kind)}`),
        ...when(target === undefined, `scales ${String(name)}, which does not exist`),
        ...when(
          at(target, 'spec', 'replicas') !== undefined,
          'scales what the manifest scales, too',
        ),
      ];
    },
  ),
  forEach('PodMonitor', 'what is monitored exists', (monitor, objects) => {
    const behind = selected(at(monitor, 'spec', 'selector'), objects);
    return [
      ...when(
        behind.filter(({ app }) => app !== undefined).length !== APPS.length,
        'misses one of our apps',
      ),
      ...listAt(monitor, 'spec', 'podMetricsEndpoints').flatMap(({ port }) =>
        behind
          .filter(({ ports }) => !ports.has(String(port)))
          .map(({ name }) => `asks for ${String(port)}, which ${name} has not`),
      ),
    ];
  }),
  {
    name: 'everything is in one namespace, which enforces the restricted standard',
    problems: ({ objects }) => {
      const [namespace, ...others] = objects.filter(({ kind }) => kind === 'Namespace');
      const level = namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce'];
      const names = new Set(
        objects
          .filter(({ kind }) => kind !== 'Namespace')
          .map(({ metadata }) => metadata.namespace),
      );
      return [
        ...when(others.length > 0, 'there is more than one namespace'),
        ...when(level !== 'restricted', 'the namespace does not enforce the restricted standard'),
        ...when(names.size !== 1, `objects are in ${names.size} namespaces`),
        ...[...names]
          .filter((name) => name !== undefined && name !== namespace?.metadata.name)
          .map((name) => `objects are in ${name}, which does not exist`),
      ];
    },
  },
];

function selected(selector: unknown, objects: readonly KubeObject[]): Workload[] {
  return workloads(objects).filter(({ labels }) => selects(selector, labels));
}
