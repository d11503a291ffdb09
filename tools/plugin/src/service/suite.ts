import type { Tree } from '@nx/devkit';
import { addCall } from '../edits/calls';
import { appendToJson } from '../edits/json';
import { appendTableRow } from '../edits/markdown';
import { insertAfterLast } from '../edits/text';
import { editFile } from '../edits/tree';
import { appendToYaml } from '../edits/yaml';
import type { Names } from '../names';

/** What the templates and the edits of a new service need. */
export interface NewService extends Names {
  /** Where it listens in a container. */
  readonly port: number;
  /** Such as `orders.v1.OrdersService`. */
  readonly grpcService: string;
  /** Of the workspace: the tag of its image. */
  readonly version: string;
}

type YamlPath = readonly (string | number)[];

/** Makes a service known to whatever has to name it. What goes by `apps/apps.json` alone needs no edit. */
export function addToSuite(tree: Tree, service: NewService): void {
  const { name, port, grpcService } = service;
  editFile(tree, 'apps/apps.json', (text) => {
    const entry = JSON.stringify({ port, grpcServices: [grpcService] });
    return appendToJson(text, `"${name}": ${entry}`);
  });
  editFile(tree, 'libs/contracts/src/index.ts', (text) => {
    const { camel, snake } = service;
    const line = `export * as ${camel} from './gen/${snake}/v1/${snake}';`;
    return insertAfterLast(text, /^export \* as /, line);
  });
  addCall(tree, {
    method: `${grpcService}/Echo`,
    requests: [{ text: 'hello' }],
    replies: [{ text: 'hello' }],
  });
  addToDocuments(tree, service);
  addToCompose(tree, service);
  addToKubernetes(tree, service);
}

function addToDocuments(tree: Tree, { name, port, grpcService }: NewService): void {
  editFile(tree, 'ARCHITECTURE.md', (text) => {
    const here = `${port - 30_000}, ${port - 29_999}`;
    const cells = [name, String(port), here, `\`${grpcService}\``];
    return appendTableRow(text, ['process', 'container port'], cells);
  });
  editFile(tree, 'README.md', (text) =>
    text.replace('[greeter](apps/greeter)', `[greeter](apps/greeter) · [${name}](apps/${name})`),
  );
}

function addToCompose(tree: Tree, { name, port, version }: NewService): void {
  const instances = [1, 2].map((ordinal) => `${name}-${ordinal}`);
  const add = (file: string, path: YamlPath, item: string): void =>
    editFile(tree, `docker/${file}`, (text) => appendToYaml(text, path, item));
  for (const instance of instances) {
    const isFirst = instance === instances[0];
    const container = isFirst
      ? [
          `  <<: *container`,
          `  image: raftway/${name}:\${RAFTWAY_VERSION:-${version}}`,
          `  build:`,
          `    context: ..`,
          `    dockerfile: docker/Dockerfile`,
          `    args: { APP: ${name} }`,
          `  depends_on: *after-registry`,
        ]
      : [`  <<: *${name}`];
    const lines = [
      ``,
      isFirst ? `${instance}: &${name}` : `${instance}:`,
      ...container,
      `  environment:`,
      `    RAFTWAY_REGISTRY: registry-1:50061,registry-2:50061,registry-3:50061`,
      `    RAFTWAY_ADVERTISE: ${instance}:${port}`,
      `    RAFTWAY_INSTANCE_ID: ${instance}`,
      `    RAFTWAY_GATEWAY: gateway:8080`,
    ];
    add('compose.yaml', ['services'], lines.join('\n'));
    const stopsLater = `${instance}: { condition: service_started }`;
    add('compose.yaml', ['services', 'gateway', 'depends_on'], stopsLater);
    const traced = `${instance}: { environment: *telemetry }`;
    add('compose.observability.yaml', ['services'], traced);
  }
  const targets = instances.map((instance) => `${instance}:9464`).join(', ');
  const job = `- job_name: ${name}\n  static_configs:\n    - targets: [${targets}]`;
  add('observability/prometheus.yaml', ['scrape_configs'], job);
}

function addToKubernetes(tree: Tree, { name, port, version }: NewService): void {
  const add = (file: string, path: YamlPath, item: string): void =>
    editFile(tree, `k8s/${file}`, (text) => appendToYaml(text, path, item));
  const pods = `podSelector:\n    matchLabels:\n      app.kubernetes.io/name: ${name}`;

  add('base/kustomization.yaml', ['resources'], `- ${name}`);
  const image = `- name: raftway/${name}\n  newTag: ${version}`;
  add('base/kustomization.yaml', ['images'], image);

  const policies = 'components/network-policies';
  const scraped = ['spec', 'podSelector', 'matchExpressions', 0, 'values'];
  add(`${policies}/kustomization.yaml`, ['resources'], `- ${name}.yaml`);
  add(`${policies}/allow-metrics.yaml`, scraped, `- ${name}`);
  add(`${policies}/allow-telemetry.yaml`, scraped, `- ${name}`);
  const call = `- to:\n    - ${pods.replaceAll('\n', '\n    ')}\n  ports:\n    - protocol: TCP\n      port: ${port}`;
  add(`${policies}/gateway.yaml`, ['spec', 'egress'], call);
  add(`${policies}/registry.yaml`, ['spec', 'ingress', 0, 'from'], `- ${pods}`);

  const monitored = ['spec', 'selector', 'matchExpressions', 0, 'values'];
  add('components/monitoring/pod-monitor.yaml', monitored, `- ${name}`);

  const tls = 'components/mtls/kustomization.yaml';
  const files = '/etc/raftway/tls';
  const settings = [
    `- name: ${name}-config`,
    '  behavior: merge',
    '  literals:',
    `    - RAFTWAY_TLS_CERT=${files}/tls.crt`,
    `    - RAFTWAY_TLS_KEY=${files}/tls.key`,
    `    - RAFTWAY_TLS_CA=${files}/ca.crt`,
    '    - RAFTWAY_TLS_CLIENT_AUTH=require',
  ];
  add(tls, ['resources'], `- ${name}-certificate.yaml`);
  add(tls, ['configMapGenerator'], settings.join('\n'));
  for (const path of [`${name}-volume.yaml`, 'deployment-mount.yaml']) {
    add(tls, ['patches'], `- target:\n    kind: Deployment\n    name: ${name}\n  path: ${path}`);
  }

  const local = 'overlays/local/kustomization.yaml';
  add(local, ['replicas'], `- name: ${name}\n  count: 1`);
  add(local, ['patches'], `- target:\n    kind: Deployment\n    name: ${name}\n  path: small.yaml`);
}
