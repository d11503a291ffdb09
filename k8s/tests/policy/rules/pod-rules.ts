import { at, listAt } from '../../render/kube-object';
import { fields, type Workload, workloads } from '../../support/workloads';
import { bytes, cores } from './quantity';
import { type Rule, when } from './rule';

const PROBES = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const;

function forEachWorkload(name: string, problems: (workload: Workload) => string[]): Rule {
  return {
    name,
    problems: ({ objects }) =>
      workloads(objects).flatMap((workload) =>
        problems(workload).map((problem) => `${workload.name} ${problem}`),
      ),
  };
}

/** What holds for every pod by itself. */
export const podRules: readonly Rule[] = [
  forEachWorkload('every container has its three probes, on ports that it has', (workload) =>
    PROBES.flatMap((probe) => [
      ...when(workload.container[probe] === undefined, `has no ${probe}`),
      ...['httpGet', 'tcpSocket', 'grpc'].flatMap((kind) => {
        const port = at(workload.container, probe, kind, 'port');
        const isKnown = workload.ports.has(String(port)) || port === undefined;
        return when(!isKnown, `has no port ${String(port)} for its ${probe}`);
      }),
    ]),
  ),
  forEachWorkload('our apps are ready by /readyz and alive by /livez', ({ app, container }) =>
    app === undefined
      ? []
      : PROBES.flatMap((probe) => {
          const expected = probe === 'readinessProbe' ? '/readyz' : '/livez';
          const path = at(container, probe, 'httpGet', 'path');
          return when(path !== expected, `asks ${String(path)} as its ${probe}`);
        }),
  ),
  forEachWorkload('every container has requests, and limits that are no less', ({ container }) => {
    const { requests, limits } = fields(container['resources']);
    return [
      ...['cpu', 'memory'].flatMap((resource) => [
        ...when(at(requests, resource) === undefined, `requests no ${resource}`),
        ...when(at(limits, resource) === undefined, `has no limit of ${resource}`),
      ]),
      ...when(
        bytes(at(requests, 'memory')) > bytes(at(limits, 'memory')) ||
          cores(at(requests, 'cpu')) > cores(at(limits, 'cpu')),
        'requests more than its limit',
      ),
    ];
  }),
  forEachWorkload('every pod keeps to the restricted standard', restrictedProblems),
  forEachWorkload(
    'no pod is given a token that it did not ask for, or gets variables of Services',
    ({ pod }) => [
      ...when(pod['automountServiceAccountToken'] !== false, 'mounts a token'),
      ...when(pod['enableServiceLinks'] !== false, 'gets variables of Services'),
    ],
  ),
  forEachWorkload('every pod is spread over nodes and zones', ({ app, labels, pod }) => {
    const spread = listAt(pod, 'topologySpreadConstraints');
    const keys = spread
      .filter((one) => at(one, 'labelSelector', 'matchLabels', NAME) === labels[NAME])
      .map((one) => one['topologyKey']);
    const wanted =
      app === undefined ? [] : ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'];
    return wanted.filter((key) => !keys.includes(key)).map((key) => `is not spread over ${key}`);
  }),
];

const NAME = 'app.kubernetes.io/name';

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a read-only root besides. */
function restrictedProblems({ pod, container }: Workload): string[] {
  const security = fields(pod['securityContext']);
  const own = fields(container['securityContext']);
  const volumes = listAt(pod, 'volumes').flatMap((volume) =>
    Object.keys(volume).filter((key) => key !== 'name'),
  );
  const dropped = at(own, 'capabilities', 'drop');
  return [
    ...when(security['runAsNonRoot'] !== true, 'may run as root'),
    ...when(!(Number(security['runAsUser']) > 0), 'has no user in numbers'),
    ...when(at(security, 'seccompProfile', 'type') !== 'RuntimeDefault', 'has no seccomp profile'),
    ...when(own['allowPrivilegeEscalation'] !== false, 'may get more privileges'),
    ...when(own['readOnlyRootFilesystem'] !== true, 'can write to its image'),
    ...when(own['privileged'] === true, 'is privileged'),
    ...when(!Array.isArray(dropped) || !dropped.includes('ALL'), 'keeps capabilities'),
    ...when(at(own, 'capabilities', 'add') !== undefined, 'adds capabilities'),
    ...['hostNetwork', 'hostPID', 'hostIPC'].flatMap((key) =>
      when(pod[key] === true, `has ${key}`),
    ),
    ...volumes
      .filter((kind) => !['configMap', 'emptyDir', 'secret', 'projected'].includes(kind))
      .map((kind) => `mounts a ${kind}`),
    ...when(
      listAt(container, 'ports').some((port) => port['hostPort'] !== undefined),
      'takes a port of its node',
    ),
  ];
}
