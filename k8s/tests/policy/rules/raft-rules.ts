import { at, describeObject, isRecord, listAt } from '../../render/kube-object';
import { environment, RAFT_APPS, type Workload, workloads } from '../../support/workloads';
import type { Rendering } from '../../support/manifests';
import { type Rule, when } from './rule';

function forEachGroup(
  name: string,
  problems: (workload: Workload, rendering: Rendering) => string[],
): Rule {
  return {
    name,
    problems: (rendering) =>
      workloads(rendering.objects)
        .filter((workload) => RAFT_APPS.includes(workload.name))
        .flatMap((workload) =>
          problems(workload, rendering).map((problem) => `${workload.name} ${problem}`),
        ),
  };
}

/** The names by which pods of a group are found: `<pod>.<peer Service>:<port>` in the order of their ordinals. */
export function podAddresses({ name, replicas, object }: Workload, port: number): string[] {
  const service = String(at(object, 'spec', 'serviceName'));
  return Array.from({ length: replicas }, (_, ordinal) => `${name}-${ordinal}.${service}:${port}`);
}

function numbered(addresses: readonly string[]): string {
  return addresses.map((address, ordinal) => `${ordinal + 1}=${address}`).join(',');
}

/** What a Raft group needs of Kubernetes. */
export const raftRules: readonly Rule[] = [
  forEachGroup(
    'members start together, keep their volumes, and update one by one',
    ({ object }) => {
      const spec = object['spec'];
      return [
        ...when(object.kind !== 'StatefulSet', 'is no StatefulSet'),
        ...when(at(spec, 'podManagementPolicy') !== 'Parallel', 'starts one by one'),
        ...when(at(spec, 'updateStrategy', 'type') !== 'RollingUpdate', 'does not roll'),
        ...when(!(Number(at(spec, 'minReadySeconds')) >= 2), 'rolls on before an election is over'),
        ...['whenScaled', 'whenDeleted'].flatMap((moment) =>
          when(
            at(spec, 'persistentVolumeClaimRetentionPolicy', moment) !== 'Retain',
            `loses volumes ${moment}`,
          ),
        ),
      ];
    },
  ),
  forEachGroup('a group has an odd number of members, and three at least', ({ replicas }) =>
    when(replicas < 3 || replicas % 2 === 0, `has ${replicas} members`),
  ),
  forEachGroup(
    'members find each other before they are ready, clients only ready ones',
    (group, rendering) => {
      const services = rendering.objects.filter(
        (object) =>
          object.kind === 'Service' && at(object, 'spec', 'selector', NAME) === group.name,
      );
      const serviceName = at(group.object, 'spec', 'serviceName');
      const peers = services.find(({ metadata }) => metadata.name === serviceName);
      const clients = services.find(({ metadata }) => metadata.name === group.name);
      return [
        ...when(at(peers, 'spec', 'clusterIP') !== 'None', 'has no headless Service of peers'),
        ...when(at(peers, 'spec', 'publishNotReadyAddresses') !== true, 'hides who is not ready'),
        ...when(clients === undefined, 'has no Service of clients'),
        ...when(at(clients, 'spec', 'publishNotReadyAddresses') === true, 'shows who is not ready'),
      ];
    },
  ),
  forEachGroup(
    'the founding voters are the first pods, three or more, and the others join by themselves',
    (group, { objects }) => {
      const set = environment(objects, group);
      const peers = set.get('RAFTWAY_PEERS') ?? '';
      const pods = podAddresses(group, group.ports.get('peer') ?? 0);
      const founders = pods.slice(0, peers.split(',').length);
      return [
        ...when(
          founders.length < 3 || peers !== numbered(founders),
          `is founded by ${String(peers)}`,
        ),
        ...when(set.get('RAFTWAY_RAFT_AUTO_JOIN') !== 'true', 'has pods that do not join'),
      ];
    },
  ),
  forEachGroup(
    'the leader may ask for the size of its own StatefulSet, and for nothing else',
    (group, { objects }) => {
      const set = environment(objects, group);
      const { name } = group;
      const role = objects.find(({ kind, metadata }) => kind === 'Role' && metadata.name === name);
      const binding = objects.find(
        ({ kind, metadata }) => kind === 'RoleBinding' && metadata.name === name,
      );
      const [subject, ...others] = listAt(binding, 'subjects');
      const isBound =
        at(binding, 'roleRef', 'kind') === 'Role' &&
        at(binding, 'roleRef', 'name') === name &&
        subject?.['kind'] === 'ServiceAccount' &&
        subject['name'] === group.pod['serviceAccountName'] &&
        subject['namespace'] === group.object.metadata.namespace &&
        others.length === 0;
      return [
        ...when(set.get('RAFTWAY_KUBERNETES_STATEFUL_SET') !== name, 'asks for another set'),
        ...when(JSON.stringify(role?.['rules']) !== ownSetOnly(name), 'has another role'),
        ...when(!isBound, 'is not the one that its role is bound to'),
        ...when(
          credentialsIn(group, set.get('RAFTWAY_KUBERNETES_CREDENTIALS')) !==
            'ca.crt,namespace,token',
          'has no credentials for the API',
        ),
      ];
    },
  ),
  {
    name: 'nobody else has a role or a token',
    problems: ({ objects }) => [
      ...objects
        .filter(({ kind }) => /^(Cluster)?Role(Binding)?$/.test(kind))
        .filter(({ kind, metadata }) => /^C/.test(kind) || !RAFT_APPS.includes(metadata.name))
        .map((object) => `${describeObject(object)} is not needed`),
      ...workloads(objects)
        .filter(({ name }) => !RAFT_APPS.includes(name))
        .filter((workload) => tokenVolumes(workload).length > 0)
        .map(({ name }) => `${name} mounts a token`),
    ],
  },
  forEachGroup('the data directory is a volume of the pod’s own', (group, { objects }) => {
    const directory = environment(objects, group).get('RAFTWAY_DATA_DIR');
    const mount = listAt(group.container, 'volumeMounts').find(
      ({ mountPath }) => mountPath === directory,
    );
    const claims = listAt(group.object, 'spec', 'volumeClaimTemplates').map((claim) =>
      at(claim, 'metadata', 'name'),
    );
    return when(mount === undefined || !claims.includes(mount['name']), 'keeps its data nowhere');
  }),
  {
    name: 'whoever asks the registry, and the registry itself, knows all its replicas',
    problems: ({ objects }) => {
      const all = workloads(objects);
      const registry = all.find(({ name }) => name === 'registry');
      if (registry === undefined) return ['there is no registry'];
      const addresses = podAddresses(registry, registry.ports.get('grpc') ?? 0);
      return all
        .filter(({ app }) => app !== undefined)
        .flatMap((workload) => {
          const isRegistry = workload === registry;
          const found = environment(objects, workload).get(
            isRegistry ? 'RAFTWAY_REPLICAS' : 'RAFTWAY_REGISTRY',
          );
          const expected = isRegistry ? numbered(addresses) : addresses.join(',');
          return when(found !== expected, `${workload.name} knows ${String(found)}`);
        });
    },
  },
];

const NAME = 'app.kubernetes.io/name';

function ownSetOnly(name: string): string {
  return JSON.stringify([
    { apiGroups: ['apps'], resources: ['statefulsets'], resourceNames: [name], verbs: ['get'] },
  ]);
}

function tokenVolumes({ pod }: Workload): Record<string, unknown>[] {
  return listAt(pod, 'volumes').filter((volume) =>
    listAt(volume, 'projected', 'sources').some((one) => isRecord(one['serviceAccountToken'])),
  );
}

/** The files of the projected token's volume that is mounted there; none when there is no such mount, or one that can be written to. */
function credentialsIn(group: Workload, directory: string | undefined): string {
  const mount = listAt(group.container, 'volumeMounts').find(
    ({ mountPath, readOnly }) => mountPath === directory && readOnly === true,
  );
  const volume = tokenVolumes(group).find(({ name }) => name === mount?.['name']);
  return listAt(volume, 'projected', 'sources')
    .flatMap((source) => [
      at(source, 'serviceAccountToken', 'path'),
      ...listAt(source, 'configMap', 'items').map((item) => item['path']),
      ...listAt(source, 'downwardAPI', 'items').map((item) => item['path']),
    ])
    .filter((file) => file !== undefined)
    .map(String)
    .sort()
    .join();
}
