import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { TestAuthority } from '@raftway/tls/testing';
import { at, type KubeObject, listAt } from '../render/kube-object';

/** What of the Kubernetes API pods of ours ask for: `GET` of a StatefulSet, over TLS, with a token, as the manifests' roles allow it. */
export class ApiServer {
  private objects: readonly KubeObject[] = [];

  private constructor(
    private readonly authority: TestAuthority,
    private readonly server: Server,
  ) {}

  /** Listens on any port. @param host an address of loopback. */
  static async start(host: string): Promise<ApiServer> {
    const authority = await TestAuthority.create('cluster CA');
    const { identity } = await authority.issue({ names: [host] });
    const server = createServer({
      cert: readFileSync(identity.certificate),
      key: readFileSync(identity.privateKey),
    });
    const api = new ApiServer(authority, server);
    server.on('request', (request, response) => {
      const { status, body } = api.answer(
        request.method ?? '',
        request.url ?? '',
        request.headers.authorization ?? '',
      );
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: 0 }, resolve);
    });
    return api;
  }

  /** What every container finds in its environment. */
  get environment(): Readonly<Record<string, string>> {
    const { address, port } = this.server.address() as AddressInfo;
    return { KUBERNETES_SERVICE_HOST: address, KUBERNETES_SERVICE_PORT: String(port) };
  }

  get caPem(): string {
    return this.authority.caPem;
  }

  /** The token of a service account. */
  tokenOf(namespace: string, account: string): string {
    return `token-of.${namespace}.${account}`;
  }

  /** From now on these are the objects of the cluster. */
  apply(objects: readonly KubeObject[]): void {
    this.objects = objects;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.authority.remove();
  }

  private answer(
    method: string,
    url: string,
    authorization: string,
  ): { status: number; body: unknown } {
    const failed = (code: number): { status: number; body: unknown } => {
      return { status: code, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code } };
    };
    const [, namespace = '', account = ''] =
      /^Bearer token-of\.([^.]+)\.([^.]+)$/.exec(authorization) ?? [];
    if (account === '') return failed(401);
    const [, asked = '', name = ''] =
      /^\/apis\/apps\/v1\/namespaces\/([^/]+)\/statefulsets\/([^/]+)$/.exec(url) ?? [];
    if (method !== 'GET' || asked !== namespace) return failed(403);
    if (!this.mayGet(namespace, account, name)) return failed(403);
    const found = this.objects.find(
      ({ kind, metadata }) =>
        kind === 'StatefulSet' && metadata.name === name && metadata.namespace === namespace,
    );
    return found === undefined ? failed(404) : { status: 200, body: found };
  }

  private mayGet(namespace: string, account: string, name: string): boolean {
    const inNamespace = this.objects.filter(({ metadata }) => metadata.namespace === namespace);
    const roles = inNamespace
      .filter(({ kind }) => kind === 'RoleBinding')
      .filter((binding) =>
        listAt(binding, 'subjects').some(
          (subject) => subject['name'] === account && subject['namespace'] === namespace,
        ),
      )
      .map((binding) => at(binding, 'roleRef', 'name'));
    return inNamespace
      .filter(({ kind, metadata }) => kind === 'Role' && roles.includes(metadata.name))
      .flatMap((role) => listAt(role, 'rules'))
      .some(
        (rule) =>
          has(rule, 'apiGroups', 'apps') &&
          has(rule, 'resources', 'statefulsets') &&
          has(rule, 'verbs', 'get') &&
          (rule['resourceNames'] === undefined || has(rule, 'resourceNames', name)),
      );
  }
}

function has(rule: Readonly<Record<string, unknown>>, field: string, value: string): boolean {
  const values = rule[field];
  return Array.isArray(values) && values.includes(value);
}
