import { splitHostPort } from '@raftway/config';
import { at, isRecord, type KubeObject, listAt } from '../../render/kube-object';
import { environment, RAFT_APPS, selects, type Workload, workloads } from '../../support/workloads';
import { type Rule, when } from './rule';

const NAMESPACE_NAME = 'kubernetes.io/metadata.name';
/** What comes from outside of the namespace. */
const OUTSIDE = 'outside';
const MONITORING = 'monitoring';

/** What NetworkPolicies have to allow, and nothing else; for renderings that have any. */
export const networkRules: readonly Rule[] = [
  {
    name: 'every NetworkPolicy selects pods, and allows somebody who exists, on ports that they have',
    problems: ({ objects }) =>
      policies(objects).flatMap((policy) => danglingParts(policy, objects)),
  },
  {
    name: 'connections that the configuration needs are allowed, and no others',
    problems: ({ objects }) => {
      if (policies(objects).length === 0) return [];
      const allowed = allowedConnections(objects);
      const needed = neededConnections(objects);
      return [
        ...needed.filter((one) => !allowed.includes(one)).map((one) => `${one} is not allowed`),
        ...allowed.filter((one) => !needed.includes(one)).map((one) => `${one} is not needed`),
      ];
    },
  },
  {
    name: 'every pod may ask for names',
    problems: ({ objects }) =>
      policies(objects).length === 0
        ? []
        : workloads(objects)
            .filter(
              ({ labels }) => !policies(objects).some((policy) => allowsNames(policy, labels)),
            )
            .map(({ name }) => `${name} may not ask for names`),
  },
  {
    name: 'who asks the Kubernetes API, and nobody else, may go to its ports',
    problems: ({ objects }) =>
      policies(objects).length === 0
        ? []
        : workloads(objects).flatMap((workload) => {
            const asks = environment(objects, workload).has('RAFTWAY_KUBERNETES_STATEFUL_SET');
            const ports = portsToEverybody(objects, workload);
            return when(
              ports.join() !== (asks ? KUBERNETES_API_PORTS.join() : ''),
              `${workload.name} may go anywhere on ${ports.join(' and ') || 'no port'}`,
            );
          }),
  },
];

/** Of the Service kubernetes.default, and of API servers themselves. */
const KUBERNETES_API_PORTS = [443, 6443];

/** Where a pod may go without a rule that says to whom. */
function portsToEverybody(objects: readonly KubeObject[], { labels }: Workload): number[] {
  return policies(objects)
    .filter((policy) => selects(at(policy, 'spec', 'podSelector'), labels))
    .flatMap((policy) => listAt(policy, 'spec', 'egress'))
    .filter((rule) => rule['to'] === undefined)
    .flatMap((rule) => listAt(rule, 'ports').map(({ port }) => Number(port)))
    .sort((one, other) => one - other);
}

function policies(objects: readonly KubeObject[]): KubeObject[] {
  return objects.filter(({ kind }) => kind === 'NetworkPolicy');
}

/** `from → to:port` for everything that the configuration says. */
function neededConnections(objects: readonly KubeObject[]): string[] {
  const all = workloads(objects);
  const seeds = all.flatMap((workload) =>
    [...environment(objects, workload)].flatMap(([variable, value]) =>
      variable.endsWith('_BIND')
        ? []
        : (value ?? '').split(',').flatMap((one) => {
            const address = splitHostPort(one.replace(/^\d+=|^redis:\/\//, ''));
            const target = all.find(({ name }) => isNameOf(name, address?.host ?? ''));
            // How the registry lists itself to others is no connection of its own.
            if (target === undefined || variable === 'RAFTWAY_REPLICAS') return [];
            return [`${workload.name} → ${target.name}:${address?.port ?? 0}`];
          }),
    ),
  );
  const routed = all
    .filter(({ app, name }) => app !== undefined && name !== 'gateway' && name !== 'registry')
    .map(({ name, ports }) => `gateway → ${name}:${ports.get('grpc') ?? 0}`);
  const joining = all
    .filter((workload) => environment(objects, workload).get('RAFTWAY_RAFT_AUTO_JOIN') === 'true')
    .map(({ name, ports }) => `${name} → ${name}:${ports.get('grpc') ?? 0}`);
  const scraped = all
    .filter(({ app }) => app !== undefined)
    .map(({ name, ports }) => `${MONITORING} → ${name}:${ports.get('http') ?? 0}`);
  return [
    ...new Set([...seeds, ...routed, ...joining, ...scraped, `${OUTSIDE} → gateway:8080`]),
  ].sort();
}

function isNameOf(workload: string, host: string): boolean {
  return host === workload || host.split('.')[1] === `${workload}-peers`;
}

/** `from → to:port` for everything that egress of one side and ingress of the other allow. */
function allowedConnections(objects: readonly KubeObject[]): string[] {
  const all = workloads(objects);
  const found: string[] = [];
  for (const to of all) {
    for (const port of to.ports.values()) {
      for (const from of all) {
        // Everybody may come from within where everybody may come from outside: only who is also let out is one that we know.
        if (
          isAllowed('egress', from, to, port, objects) &&
          isAllowed('ingress', to, from, port, objects)
        ) {
          found.push(`${from.name} → ${to.name}:${port}`);
        }
      }
      for (const namespace of [OUTSIDE, MONITORING]) {
        if (isAllowed('ingress', to, namespace, port, objects)) {
          found.push(`${namespace} → ${to.name}:${port}`);
        }
      }
    }
  }
  // Who is outside may also be in the namespace of monitoring.
  const open = found
    .filter((one) => one.startsWith(OUTSIDE))
    .map((one) => one.slice(OUTSIDE.length));
  return found.filter((one) => !open.some((rest) => one === `${MONITORING}${rest}`)).sort();
}

/** Whether policies let `own` exchange with `other` on a port of the one that is connected to. */
function isAllowed(
  direction: 'ingress' | 'egress',
  own: Workload,
  other: Workload | string,
  port: number,
  objects: readonly KubeObject[],
): boolean {
  const type = direction === 'ingress' ? 'Ingress' : 'Egress';
  const peersKey = direction === 'ingress' ? 'from' : 'to';
  const target = direction === 'ingress' || typeof other === 'string' ? own : other;
  const applying = policies(objects).filter((policy) => {
    const types = at(policy, 'spec', 'policyTypes') as string[];
    return types.includes(type) && selects(at(policy, 'spec', 'podSelector'), own.labels);
  });
  if (applying.length === 0) return true;
  return applying.some((policy) =>
    listAt(policy, 'spec', direction).some(
      (rule) =>
        listAt(rule, 'ports').some(
          (one) => (target.ports.get(String(one['port'])) ?? one['port']) === port,
        ) &&
        (rule[peersKey] === undefined ||
          listAt(rule, peersKey).some((peer) => isPeer(peer, other))),
    ),
  );
}

function isPeer(peer: Record<string, unknown>, other: Workload | string): boolean {
  const namespace = at(peer, 'namespaceSelector', 'matchLabels', NAMESPACE_NAME);
  if (typeof other === 'string') return namespace === other;
  return namespace === undefined && selects(peer['podSelector'], other.labels);
}

function allowsNames(policy: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  return (
    selects(at(policy, 'spec', 'podSelector'), labels) &&
    listAt(policy, 'spec', 'egress').some((rule) => {
      const protocols = listAt(rule, 'ports').filter(({ port }) => port === 53);
      return (
        protocols
          .map(({ protocol }) => protocol)
          .sort()
          .join() === 'TCP,UDP'
      );
    })
  );
}

function danglingParts(policy: KubeObject, objects: readonly KubeObject[]): string[] {
  const name = policy.metadata.name;
  const selector = at(policy, 'spec', 'podSelector');
  const all = workloads(objects);
  const own = all.filter(({ labels }) => selects(selector, labels));
  const rules = [
    ...listAt(policy, 'spec', 'ingress').map((rule) => ({ rule, peers: 'from', isIngress: true })),
    ...listAt(policy, 'spec', 'egress').map((rule) => ({ rule, peers: 'to', isIngress: false })),
  ];
  return [
    ...when(own.length === 0, `${name} selects no pod`),
    ...rules.flatMap(({ rule, peers, isIngress }) => {
      const inside = listAt(rule, peers).filter((peer) => !isRecord(peer['namespaceSelector']));
      const others = inside.map((peer) =>
        all.filter(({ labels }) => selects(peer['podSelector'], labels)),
      );
      const targets = isIngress ? own : others.flat();
      return [
        ...when(
          others.some((found) => found.length === 0),
          `${name} allows nobody who exists`,
        ),
        ...when(listAt(rule, 'ports').length === 0, `${name} allows every port`),
        ...targets.flatMap((target) =>
          listAt(rule, 'ports')
            .map(({ port }) => target.ports.get(String(port)) ?? port)
            .filter((port) => ![...target.ports.values()].includes(Number(port)))
            .map((port) => `${name} allows ${String(port)}, which ${target.name} has not`),
        ),
      ];
    }),
  ];
}

/** Peer ports are the members' alone: a rule by itself, as a connection there could replace a log. */
export const peerPortRule: Rule = {
  name: 'only members of a group reach its peer port',
  problems: ({ objects }) =>
    policies(objects).length === 0
      ? []
      : allowedConnections(objects)
          .filter((connection) => {
            const [from, to = ''] = connection.split(' → ');
            return (
              RAFT_APPS.some((app) => to.startsWith(`${app}:51`)) && !to.startsWith(`${from}:`)
            );
          })
          .map((connection) => `${connection} is allowed`),
};
