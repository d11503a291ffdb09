import { splitHostPort } from '@raftway/config';
import { at, describeObject, type KubeObject, listAt } from '../../render/kube-object';
import { certificatesOf, dnsNamesOf } from '../../support/certificates';
import { environment, type Workload, workloads } from '../../support/workloads';
import { type Rule, when } from './rule';

/** The files that cert-manager puts into a Secret, by the option that names them. */
const FILES: Readonly<Record<string, string>> = {
  RAFTWAY_TLS_CERT: 'tls.crt',
  RAFTWAY_TLS_KEY: 'tls.key',
  RAFTWAY_TLS_CA: 'ca.crt',
};
const HTTP2_WITHOUT_TLS = 'kubernetes.io/h2c';

function ours(objects: readonly KubeObject[]): Workload[] {
  return workloads(objects).filter(({ app }) => app !== undefined);
}

function hasTls(objects: readonly KubeObject[], workload: Workload): boolean {
  const set = environment(objects, workload);
  return Object.keys(FILES).some((variable) => set.has(variable));
}

function forEachAppWithTls(
  name: string,
  problems: (workload: Workload, objects: readonly KubeObject[]) => string[],
): Rule {
  return {
    name,
    problems: ({ objects }) =>
      ours(objects)
        .filter((workload) => hasTls(objects, workload))
        .flatMap((workload) =>
          problems(workload, objects).map((problem) => `${workload.name} ${problem}`),
        ),
  };
}

/** What TLS asks of the manifests (docs/operating/tls.md). */
export const tlsRules: readonly Rule[] = [
  {
    name: 'all apps have TLS, or none, and Services say which',
    problems: ({ objects }) => {
      const [withTls, without] = [true, false].map((wanted) =>
        ours(objects).filter((workload) => hasTls(objects, workload) === wanted),
      ) as [Workload[], Workload[]];
      return [
        ...when(
          withTls.length > 0 && without.length > 0,
          `${without.map(({ name }) => name).join()} have no TLS and others have`,
        ),
        ...ours(objects).flatMap((workload) => serviceProblems(workload, objects)),
      ];
    },
  },
  forEachAppWithTls(
    'TLS files are all of one Secret, as a directory that only the pod’s group can read',
    (workload, objects) => {
      const directory = Object.entries(FILES).map(([variable, file]) => {
        const value = environment(objects, workload).get(variable) ?? '';
        return value.endsWith(`/${file}`) ? value.slice(0, -file.length - 1) : `${variable}?`;
      });
      const mount = listAt(workload.container, 'volumeMounts').find(
        ({ mountPath }) => mountPath === directory[0],
      );
      const secret = secretOf(workload, mount?.['name']);
      return [
        ...when(
          new Set(directory).size !== 1 || mount === undefined || secret === undefined,
          `finds no files of a Secret in ${directory.join()}`,
        ),
        ...when(mount?.['readOnly'] !== true, 'can write to its TLS files'),
        ...when(mount?.['subPath'] !== undefined, 'never sees renewed TLS files'),
        ...when(secret?.['defaultMode'] !== 0o440, 'leaves its private key to everybody'),
        ...when(
          at(workload.pod, 'securityContext', 'fsGroup') !==
            at(workload.pod, 'securityContext', 'runAsGroup'),
          'is not in the group of its TLS files',
        ),
      ];
    },
  ),
  forEachAppWithTls(
    'every app has one Certificate, for both ends, of an Issuer that exists',
    (workload, objects) => {
      const certificates = certificateOf(workload, objects);
      return [
        ...when(certificates.length !== 1, `has ${certificates.length} Certificates`),
        ...certificates.flatMap(({ spec }) => [
          ...['server auth', 'client auth']
            .filter((usage) => !(at(spec, 'usages') as string[]).includes(usage))
            .map((usage) => `has a certificate without ${usage}`),
          ...when(
            !objects.some(
              ({ kind, metadata }) =>
                kind === at(spec, 'issuerRef', 'kind') &&
                metadata.name === at(spec, 'issuerRef', 'name'),
            ),
            'has a certificate that nobody signs',
          ),
        ]),
      ];
    },
  ),
  forEachAppWithTls('a certificate has every host that is dialled', (workload, objects) => {
    const names = certificateOf(workload, objects).flatMap(dnsNamesOf);
    return dialledHosts(workload, objects)
      .filter((host) => !names.includes(host))
      .map((host) => `has a certificate without ${host}`);
  }),
  {
    name: 'no two Certificates have a name in common: it would make each a peer of the other’s group',
    problems: ({ objects }) => {
      const owners = certificatesOf(objects).flatMap((certificate) =>
        dnsNamesOf(certificate).map((name) => ({ name, owner: describeObject(certificate) })),
      );
      return owners
        .filter(({ name }, index) => owners.findIndex((one) => one.name === name) !== index)
        .map(({ name, owner }) => `${owner} is for ${name}, which is another’s`);
    },
  },
];

/** What Services in front of a workload say about TLS, against what it does. */
function serviceProblems(workload: Workload, objects: readonly KubeObject[]): string[] {
  const expected = hasTls(objects, workload) ? 'https' : HTTP2_WITHOUT_TLS;
  return objects
    .filter(
      ({ kind, spec }) =>
        kind === 'Service' && at(spec, 'selector', 'app.kubernetes.io/name') === workload.name,
    )
    .flatMap((service) =>
      listAt(service, 'spec', 'ports')
        .filter(({ appProtocol }) => appProtocol !== expected)
        .map(
          ({ name, appProtocol }) =>
            `${describeObject(service)} says that ${String(name)} is ${String(appProtocol)}, not ${expected}`,
        ),
    );
}

function secretOf({ pod }: Workload, volume: unknown): Record<string, unknown> | undefined {
  const found = listAt(pod, 'volumes').find(({ name }) => name === volume)?.['secret'];
  return found as Record<string, unknown> | undefined;
}

/** The Certificates of the Secret that a workload mounts. */
function certificateOf(workload: Workload, objects: readonly KubeObject[]): KubeObject[] {
  const secrets = listAt(workload.pod, 'volumes').map(({ secret }) => at(secret, 'secretName'));
  return certificatesOf(objects).filter(({ spec }) => secrets.includes(at(spec, 'secretName')));
}

/** The hosts under which the configuration of all workloads leads to this one, and its name in the registry. */
function dialledHosts({ name }: Workload, objects: readonly KubeObject[]): string[] {
  const hosts = ours(objects).flatMap((from) =>
    [...environment(objects, from)].flatMap(([variable, value]) =>
      variable.endsWith('_BIND')
        ? []
        : (value ?? '')
            .split(',')
            .map((one) => splitHostPort(one.replace(/^\d+=/, ''))?.host ?? '')
            .filter((host) => host === name || host.split('.')[1] === `${name}-peers`),
    ),
  );
  return [...new Set([name, ...hosts])];
}
