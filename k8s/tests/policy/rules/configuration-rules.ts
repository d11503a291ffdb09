import { parseDuration, splitHostPort } from '@raftway/config';
import { at, type KubeObject, listAt } from '../../render/kube-object';
import { type AppOption, refusedBy } from '../../support/app-options';
import {
  configMapData,
  environment,
  type AppName,
  type Workload,
  workloads,
} from '../../support/workloads';
import type { Rendering } from '../../support/manifests';
import { bytes } from './quantity';
import { podAddresses } from './raft-rules';
import { type Rule, when } from './rule';

export type AppOptions = ReadonlyMap<AppName, ReadonlyMap<string, AppOption>>;

/** What is added to the drain for terminationGracePeriodSeconds: a leader's handover, the last write, the end of the process. */
const GRACE_MS = 20_000;
/** Of a gateway's memory limit, for everything but the calls that it holds. */
const GATEWAY_OWN_BYTES = 512 * 2 ** 20;
/** Defaults that are good on a workstation, and not in a pod. */
const LOCAL_DEFAULT = /127\.0\.0\.1|\.raftway|the bound address|this node/;
/** The port of an address that an app binds, and the container port's name. */
const BINDS: Readonly<Record<string, string>> = {
  RAFTWAY_BIND: 'grpc',
  RAFTWAY_HTTP_BIND: 'http',
  RAFTWAY_PEER_BIND: 'peer',
};

function forEachApp(
  name: string,
  problems: (app: AppName, workload: Workload, rendering: Rendering) => string[],
): Rule {
  return {
    name,
    problems: (rendering) =>
      workloads(rendering.objects).flatMap((workload) =>
        workload.app === undefined
          ? []
          : problems(workload.app, workload, rendering).map(
              (problem) => `${workload.name} ${problem}`,
            ),
      ),
  };
}

/** What is configured, against what the built apps have. */
export function optionRules(options: AppOptions): readonly Rule[] {
  return [
    forEachApp(
      'an app’s ConfigMap holds options that it has, and is all of its environment but what pods differ in',
      (app, { container }, { objects }) => {
        const keys = listAt(container, 'envFrom').flatMap((source) =>
          Object.keys(configMapData(objects, source)),
        );
        const own = listAt(container, 'env').map(({ name }) => String(name));
        const known = options.get(app);
        return [
          ...when(keys.length === 0, 'gets no ConfigMap'),
          ...[...keys, ...own.filter((name) => name.startsWith('RAFTWAY_'))]
            .filter((key) => known?.has(key) !== true)
            .map((key) => `has no option ${key}`),
          ...own.filter((key) => keys.includes(key)).map((key) => `is given ${key} twice`),
        ];
      },
    ),
    forEachApp(
      'no default that is meant for a workstation is left',
      (app, workload, { objects }) => {
        const set = environment(objects, workload);
        // Without an address of its own the registry lists those of RAFTWAY_REPLICAS.
        if (set.has('RAFTWAY_REPLICAS')) set.set('RAFTWAY_ADVERTISE', undefined);
        return [...(options.get(app)?.values() ?? [])]
          .filter(
            ({ variable, defaultText }) => LOCAL_DEFAULT.test(defaultText) && !set.has(variable),
          )
          .map(({ variable, defaultText }) => `leaves ${variable} at ${defaultText}`);
      },
    ),
    forEachApp('the app accepts every value', (app, workload, { objects }) =>
      refused(app, workload, objects),
    ),
    forEachApp(
      'container ports are those that the app binds, and its defaults',
      (app, workload, { objects }) => {
        const set = environment(objects, workload);
        const bound = Object.entries(BINDS).filter(([variable]) => options.get(app)?.has(variable));
        const names = bound
          .map(([, name]) => name)
          .sort()
          .join();
        return [
          ...when(
            [...workload.ports.keys()].sort().join() !== names,
            `has other ports than ${names}`,
          ),
          ...bound.flatMap(([variable, name]) => {
            const port = workload.ports.get(name);
            const value = splitHostPort(set.get(variable) ?? '');
            const preset = splitHostPort(options.get(app)?.get(variable)?.defaultText ?? '');
            return [
              ...when(value?.port !== port, `binds ${String(value?.port)} as ${name}`),
              ...when(value?.host !== '0.0.0.0', `binds ${name} where nobody comes to`),
              ...when(preset?.port !== port, `usually has ${String(preset?.port)} as ${name}`),
            ];
          }),
        ];
      },
    ),
  ];
}

/** What is configured, against the rest of the manifests. */
export const settingRules: readonly Rule[] = [
  forEachApp('what is registered is the pod, on its gRPC port', (_app, workload, { objects }) => {
    const advertised = environment(objects, workload).get('RAFTWAY_ADVERTISE');
    const expected = `$(POD_IP):${workload.ports.get('grpc') ?? 0}`;
    return when(
      advertised !== undefined && advertised !== expected,
      `registers ${String(advertised)}`,
    );
  }),
  forEachApp(
    'every address in the configuration is a pod’s or a Service’s',
    (_app, workload, { objects }) =>
      [...environment(objects, workload)].flatMap(([variable, value]) =>
        addresses(value ?? '')
          .filter((address) => !isReachable(address, objects))
          .map((address) => `is told ${address} in ${variable}, which nobody has`),
      ),
  ),
  forEachApp('a pod gets the time to drain before it is killed', (_app, workload, { objects }) => {
    const set = environment(objects, workload);
    const drainMs = ['RAFTWAY_DRAIN_DELAY', 'RAFTWAY_DRAIN_TIMEOUT']
      .map((variable) => parseDuration(set.get(variable) ?? '') ?? Number.NaN)
      .reduce((sum, one) => sum + one, GRACE_MS);
    const graceMs = Number(workload.pod['terminationGracePeriodSeconds']) * 1000;
    return when(graceMs !== drainMs, `needs ${drainMs} ms to drain and is given ${graceMs}`);
  }),
  forEachApp(
    'a gateway has the memory for the calls that it may hold',
    (_app, workload, { objects }) => {
      const held = environment(objects, workload).get('RAFTWAY_MEMORY_BYTES_MAX');
      const limit = bytes(at(workload.container, 'resources', 'limits', 'memory'));
      return when(
        workload.name === 'gateway' && !(Number(held) + GATEWAY_OWN_BYTES <= limit),
        `has ${limit} bytes for ${String(held)} of calls`,
      );
    },
  ),
];

const refusals = new Map<string, string[]>();

/** What the app says against its environment. Asked once for each: most renderings have the same. */
function refused(app: AppName, workload: Workload, objects: readonly KubeObject[]): string[] {
  const resolved = [...environment(objects, workload)]
    .filter(([name]) => name.startsWith('RAFTWAY_'))
    .map(([name, value]) => [name, (value ?? '').replaceAll('$(POD_IP)', '10.0.0.1')] as const);
  const key = JSON.stringify([app, resolved]);
  const known = refusals.get(key) ?? refusedBy(app, Object.fromEntries(resolved));
  refusals.set(key, known);
  return known.map((line) => `refuses it: ${line.trim()}`);
}

/** The addresses by name in a value, which may be a list, numbered, or a URL. */
function addresses(value: string): string[] {
  return value
    .split(',')
    .map((one) => one.replace(/^\d+=|^redis:\/\//, ''))
    .filter((one) => {
      const found = splitHostPort(one);
      return found !== undefined && !/^[\d.]+$|^\$/.test(found.host);
    });
}

function isReachable(address: string, objects: readonly KubeObject[]): boolean {
  const { host = '', port = 0 } = splitHostPort(address) ?? {};
  const isOfPod = workloads(objects).some(
    (workload) => workload.isStateful && podAddresses(workload, port).includes(address),
  );
  const serviceName = isOfPod ? host.split('.')[1] : host;
  return objects.some(
    (object) =>
      object.kind === 'Service' &&
      object.metadata.name === serviceName &&
      listAt(object, 'spec', 'ports').some((one) => one['port'] === port),
  );
}
