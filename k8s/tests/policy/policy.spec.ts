import { applyPatch, type PatchOperation } from '../render/json-patch';
import { describeObject } from '../render/kube-object';
import { render } from '../render/render';
import { readAppOptions } from '../support/app-options';
import { allRenderings, type Rendering, withComponents } from '../support/manifests';
import { APPS } from '../support/workloads';
import { optionRules, settingRules } from './rules/configuration-rules';
import { documentRules } from './rules/document-rules';
import { imageRules } from './rules/image-rules';
import { networkRules, peerPortRule } from './rules/network-rules';
import { podRules } from './rules/pod-rules';
import { raftRules } from './rules/raft-rules';
import { referenceRules } from './rules/reference-rules';
import { tlsRules } from './rules/tls-rules';

const rules = [
  ...podRules,
  ...referenceRules,
  ...raftRules,
  ...optionRules(readAppOptions()),
  ...settingRules,
  ...networkRules,
  peerPortRule,
  ...imageRules,
  ...tlsRules,
  ...documentRules,
];

const ALL_COMPONENTS = [
  'network-policies',
  'monitoring',
  'hpa',
  'redis',
  'redis-network-policies',
  'mtls',
  'documents',
];

function problems(rendering: Rendering): string[] {
  return rules.flatMap((rule) =>
    rule.problems(rendering).map((problem) => `${rule.name}: ${problem}`),
  );
}

describe('every overlay and every set of components', () => {
  const renderings = allRenderings();

  it.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_name, rule) => {
    for (const rendering of renderings) {
      expect({ [rendering.name]: rule.problems(rendering) }).toEqual({ [rendering.name]: [] });
    }
  });
});

describe('the rules find', () => {
  const objects = withComponents(ALL_COMPONENTS, render);

  /** What is found after something was changed in one object; generated names are given without their hash. */
  function found(name: string, operation: PatchOperation): string[] {
    const changed = structuredClone(objects);
    const object = changed.find(
      (one) => describeObject(one).replace(/-[a-z0-9]{10}$/, '') === name,
    );
    applyPatch(object, [operation]);
    return problems({ name: 'changed', objects: changed });
  }

  const remove = (path: string): PatchOperation => ({ op: 'remove', path });
  const replace = (path: string, value: unknown): PatchOperation => ({
    op: 'replace',
    path,
    value,
  });
  const add = (path: string, value: unknown): PatchOperation => ({ op: 'add', path, value });
  const container = '/spec/template/spec/containers/0';

  it('nothing without a mistake', () => {
    expect(found('StatefulSet/registry', add('/metadata/labels/harmless', 'yes'))).toEqual([]);
  });

  it.each<[string, string, PatchOperation, RegExp]>([
    [
      'a missing probe',
      'Deployment/gateway',
      remove(`${container}/readinessProbe`),
      /gateway has no readinessProbe/,
    ],
    [
      'a probe of no port',
      'Deployment/gateway',
      replace(`${container}/livenessProbe/httpGet/port`, 'htp'),
      /has no port htp/,
    ],
    [
      'liveness that is readiness',
      'StatefulSet/registry',
      replace(`${container}/livenessProbe/httpGet/path`, '/readyz'),
      /asks \/readyz as its livenessProbe/,
    ],
    [
      'a missing limit',
      'StatefulSet/redis',
      remove(`${container}/resources/limits/memory`),
      /redis has no limit of memory/,
    ],
    [
      'a request above the limit',
      'Deployment/greeter',
      replace(`${container}/resources/requests/memory`, '1Gi'),
      /requests more than its limit/,
    ],
    [
      'root',
      'StatefulSet/lock-service',
      remove('/spec/template/spec/securityContext/runAsNonRoot'),
      /may run as root/,
    ],
    [
      'a writable image',
      'StatefulSet/lock-service',
      replace(`${container}/securityContext/readOnlyRootFilesystem`, false),
      /can write to its image/,
    ],
    [
      'capabilities',
      'StatefulSet/lock-service',
      replace(`${container}/securityContext/capabilities/drop`, ['NET_RAW']),
      /keeps capabilities/,
    ],
    [
      'a path of the node',
      'Deployment/gateway',
      add('/spec/template/spec/volumes', [{ name: 'a', hostPath: { path: '/' } }]),
      /mounts a hostPath/,
    ],
    [
      'documents that nobody mounts',
      'Deployment/gateway',
      replace(`${container}/volumeMounts/1/mountPath`, '/etc/raftway/routes'),
      /gateway finds no documents of a ConfigMap in \/etc\/raftway\/documents/,
    ],
    [
      'documents whose changes never arrive',
      'Deployment/gateway',
      add(`${container}/volumeMounts/1/subPath`, 'documents.yaml'),
      /gateway never sees changed documents/,
    ],
    [
      'documents whose ConfigMap is not there',
      'Deployment/gateway',
      replace('/spec/template/spec/volumes/1/configMap/name', 'gateway-routes'),
      /gateway-routes does not exist/,
    ],
    [
      'variables of Services',
      'Deployment/gateway',
      remove('/spec/template/spec/enableServiceLinks'),
      /gets variables of Services/,
    ],
    [
      'pods that are not spread',
      'Deployment/gateway',
      remove('/spec/template/spec/topologySpreadConstraints/1'),
      /not spread over topology/,
    ],
    [
      'a Service of nobody',
      'Service/gateway',
      replace('/spec/selector', { 'app.kubernetes.io/name': 'gatway' }),
      /selects 0 workloads/,
    ],
    [
      'a Service of everybody',
      'Service/gateway',
      replace('/spec/selector', { 'app.kubernetes.io/part-of': 'raftway' }),
      // All apps, and Redis.
      new RegExp(`selects ${APPS.length + 1} workloads`),
    ],
    [
      'a Service on a wrong port',
      'Service/lock-service',
      replace('/spec/ports/0/port', 50_072),
      /leads to grpc=50072/,
    ],
    [
      'a budget of nobody',
      'PodDisruptionBudget/greeter',
      replace('/spec/selector/matchLabels', { a: 'b' }),
      /PodDisruptionBudget\/greeter selects 0/,
    ],
    [
      'a budget that allows a lost majority',
      'PodDisruptionBudget/registry',
      replace('/spec/maxUnavailable', 2),
      /allows not exactly one/,
    ],
    [
      'a missing budget',
      'PodDisruptionBudget/id-service',
      replace('/kind', 'Gone'),
      /id-service has no budget/,
    ],
    [
      'a selector of other pods',
      'Deployment/greeter',
      replace('/spec/selector/matchLabels', { 'app.kubernetes.io/part-of': 'raftway' }),
      /greeter selects pods of/,
    ],
    [
      'another’s account',
      'Deployment/greeter',
      replace('/spec/template/spec/serviceAccountName', 'gateway'),
      /runs as somebody else/,
    ],
    [
      'a ConfigMap that does not exist',
      'ConfigMap/greeter-config',
      replace('/metadata/name', 'greeter-configuration'),
      /greeter-config-\w+ does not exist/,
    ],
    [
      'a scaled Raft group',
      'HorizontalPodAutoscaler/gateway',
      replace('/spec/scaleTargetRef', { kind: 'StatefulSet', name: 'registry' }),
      /scales a StatefulSet/,
    ],
    [
      'a monitor on a wrong port',
      'PodMonitor/raftway',
      replace('/spec/podMetricsEndpoints/0/port', 'metrics'),
      /asks for metrics/,
    ],
    [
      'a namespace that does not enforce',
      'Namespace/raftway',
      replace('/metadata/labels', {}),
      /does not enforce/,
    ],
    [
      'an object elsewhere',
      'Service/gateway',
      add('/metadata/namespace', 'elsewhere'),
      /objects are in 2 namespaces/,
    ],
    [
      'members one by one',
      'StatefulSet/registry',
      remove('/spec/podManagementPolicy'),
      /starts one by one/,
    ],
    [
      'volumes that go',
      'StatefulSet/registry',
      replace('/spec/persistentVolumeClaimRetentionPolicy/whenScaled', 'Delete'),
      /loses volumes whenScaled/,
    ],
    [
      'more founders than pods',
      'StatefulSet/id-service',
      replace('/spec/replicas', 1),
      /id-service is founded by/,
    ],
    [
      'a founder that is no pod',
      'ConfigMap/id-service-config',
      replace(
        '/data/RAFTWAY_PEERS',
        '1=id-service-0.id-service-peers:51081,2=id-service-1.id-service-peers:51081,3=id-service-9.id-service-peers:51081',
      ),
      /id-service is founded by/,
    ],
    [
      'pods that do not join',
      'ConfigMap/id-service-config',
      replace('/data/RAFTWAY_RAFT_AUTO_JOIN', 'false'),
      /id-service has pods that do not join/,
    ],
    [
      'the size of another set',
      'ConfigMap/id-service-config',
      replace('/data/RAFTWAY_KUBERNETES_STATEFUL_SET', 'registry'),
      /id-service asks for another set/,
    ],
    [
      'a role that may do more',
      'Role/registry',
      add('/rules/0/verbs/-', 'patch'),
      /registry has another role/,
    ],
    [
      'a role for all sets',
      'Role/registry',
      remove('/rules/0/resourceNames'),
      /registry has another role/,
    ],
    [
      'a role of another account',
      'RoleBinding/registry',
      replace('/subjects/0/name', 'gateway'),
      /registry is not the one that its role is bound to/,
    ],
    [
      'a role that nobody needs',
      'Role/registry',
      replace('/metadata/name', 'gateway'),
      /Role\/gateway is not needed/,
    ],
    [
      'no token',
      'StatefulSet/registry',
      remove('/spec/template/spec/volumes/0/projected/sources/0'),
      /registry has no credentials/,
    ],
    [
      'a token for the gateway',
      'Deployment/gateway',
      add('/spec/template/spec/volumes', [
        { name: 'a', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
      ]),
      /gateway mounts a token/,
    ],
    [
      'no way to the Kubernetes API',
      'NetworkPolicy/allow-kubernetes-api',
      remove('/spec/egress/0/ports/1'),
      /registry may go anywhere on 443$/,
    ],
    [
      'a way to everywhere',
      'NetworkPolicy/gateway',
      add('/spec/egress/-', { ports: [{ port: 443 }] }),
      /gateway may go anywhere on 443/,
    ],
    ['an even group', 'StatefulSet/id-service', replace('/spec/replicas', 4), /has 4 members/],
    [
      'peers that wait for readiness',
      'Service/registry-peers',
      remove('/spec/publishNotReadyAddresses'),
      /hides who is not ready/,
    ],
    [
      'data in the image',
      'StatefulSet/registry',
      replace(`${container}/volumeMounts/0/mountPath`, '/data'),
      /keeps its data nowhere/,
    ],
    [
      'a seed too few',
      'ConfigMap/greeter-config',
      replace('/data/RAFTWAY_REGISTRY', 'registry-0.registry-peers:50061'),
      /greeter knows/,
    ],
    [
      'an option that does not exist',
      'ConfigMap/gateway-config',
      add('/data/RAFTWAY_DRAIN_DELEY', '1s'),
      /gateway has no option RAFTWAY_DRAIN_DELEY/,
    ],
    [
      'a variable of OpenTelemetry that nobody reads',
      'ConfigMap/gateway-config',
      add('/data/OTEL_EXPORTER_ENDPOINT', 'http://otel-collector.monitoring:4318'),
      /gateway has no option OTEL_EXPORTER_ENDPOINT/,
    ],
    [
      'a default for a workstation',
      'ConfigMap/gateway-config',
      remove('/data/RAFTWAY_HTTP_BIND'),
      /leaves RAFTWAY_HTTP_BIND at 127/,
    ],
    [
      'a bad value',
      'ConfigMap/gateway-config',
      replace('/data/RAFTWAY_LOAD_BALANCING', 'fair'),
      /refuses it: RAFTWAY_LOAD_BALANCING/,
    ],
    [
      'loopback in a pod',
      'ConfigMap/gateway-config',
      replace('/data/RAFTWAY_BIND', '127.0.0.1:8080'),
      /where nobody comes to/,
    ],
    [
      'another port than the container’s',
      'ConfigMap/gateway-config',
      replace('/data/RAFTWAY_BIND', '0.0.0.0:8888'),
      /binds 8888 as grpc/,
    ],
    [
      'another port that is registered',
      'Deployment/greeter',
      replace(`${container}/env/1/value`, '$(POD_IP):50052'),
      /greeter registers \$\(POD_IP\):50052/,
    ],
    [
      'an address of nobody',
      'ConfigMap/greeter-config',
      replace('/data/RAFTWAY_GATEWAY', 'gatway:8080'),
      /is told gatway:8080/,
    ],
    [
      'no time to drain',
      'ConfigMap/gateway-config',
      replace('/data/RAFTWAY_DRAIN_TIMEOUT', '60s'),
      /needs 85000 ms to drain/,
    ],
    [
      'calls that do not fit',
      'ConfigMap/gateway-config',
      replace('/data/RAFTWAY_MEMORY_BYTES_MAX', '536870912'),
      /of calls/,
    ],
    [
      'a connection that is missing',
      'NetworkPolicy/lock-service',
      remove('/spec/egress/1'),
      /lock-service → registry:50061 is not allowed/,
    ],
    [
      'a connection too many',
      'NetworkPolicy/registry',
      add('/spec/ingress/-', { ports: [{ port: 50_061 }] }),
      /outside → registry:50061 is not needed/,
    ],
    [
      'a peer port for everybody',
      'NetworkPolicy/registry',
      add('/spec/ingress/-', { ports: [{ port: 51_061 }] }),
      /outside → registry:51061 is allowed/,
    ],
    [
      'a policy of nobody',
      'NetworkPolicy/greeter',
      replace('/spec/podSelector/matchLabels', { a: 'b' }),
      /greeter selects no pod/,
    ],
    [
      'a policy on a wrong port',
      'NetworkPolicy/greeter',
      replace('/spec/ingress/0/ports/0/port', 50_052),
      /allows 50052/,
    ],
    [
      'no names',
      'NetworkPolicy/allow-dns',
      remove('/spec/egress/0/ports/0'),
      /may not ask for names/,
    ],
    [
      'the latest image',
      'Deployment/gateway',
      replace(`${container}/image`, 'raftway/gateway:latest'),
      /gateway runs raftway\/gateway:latest/,
    ],
    [
      'an image without a version',
      'StatefulSet/redis',
      replace(`${container}/image`, 'redis'),
      /redis runs redis$/,
    ],
    [
      'an app without TLS among others',
      'ConfigMap/greeter-config',
      replace('/data', {}),
      /greeter have no TLS and others have/,
    ],
    [
      'a Service that promises no TLS',
      'Service/registry-peers',
      replace('/spec/ports/1/appProtocol', 'kubernetes.io/h2c'),
      /registry-peers says that grpc is kubernetes.io\/h2c, not https/,
    ],
    [
      'TLS files elsewhere',
      'Deployment/gateway',
      replace(`${container}/volumeMounts/0/mountPath`, '/etc/tls'),
      /gateway finds no files of a Secret/,
    ],
    [
      'TLS files that are never renewed',
      'Deployment/gateway',
      add(`${container}/volumeMounts/0/subPath`, 'tls.crt'),
      /gateway never sees renewed TLS files/,
    ],
    [
      'TLS files that the process may change',
      'Deployment/greeter',
      remove(`${container}/volumeMounts/0/readOnly`),
      /greeter can write to its TLS files/,
    ],
    [
      'a key for everybody',
      'StatefulSet/registry',
      remove('/spec/template/spec/volumes/1/secret/defaultMode'),
      /registry leaves its private key to everybody/,
    ],
    [
      'a key for nobody',
      'Deployment/greeter',
      remove('/spec/template/spec/securityContext/fsGroup'),
      /greeter is not in the group/,
    ],
    [
      'another’s certificate',
      'Deployment/greeter',
      replace('/spec/template/spec/volumes/0/secret/secretName', 'greter-tls'),
      /greeter has 0 Certificates/,
    ],
    [
      'a certificate for one end',
      'Certificate/lock-service',
      remove('/spec/usages/2'),
      /lock-service has a certificate without client auth/,
    ],
    [
      'a certificate that nobody signs',
      'Issuer/raftway-ca',
      replace('/metadata/name', 'raftway-authority'),
      /id-service has a certificate that nobody signs/,
    ],
    [
      'a certificate without the registered name',
      'Certificate/greeter',
      replace('/spec/dnsNames/0', 'greeter.raftway'),
      /greeter has a certificate without greeter/,
    ],
    [
      'a certificate without a peer',
      'Certificate/id-service',
      remove('/spec/dnsNames/3'),
      /id-service has a certificate without id-service-2.id-service-peers/,
    ],
    [
      'a name of two apps',
      'Certificate/greeter',
      add('/spec/dnsNames/-', 'lock-service'),
      /is for lock-service, which is another’s/,
    ],
  ])('%s', (_what, name, operation, message) => {
    expect(found(name, operation)).toContainEqual(expect.stringMatching(message));
  });
});
