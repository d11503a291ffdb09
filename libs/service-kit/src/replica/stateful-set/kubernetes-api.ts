import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import path from 'node:path';
import type { SetSize } from './set-size';

/** Where the API is, as every pod is told. */
export interface KubernetesAddress {
  readonly host: string;
  readonly port: number;
}

const TIMEOUT_MS = 5_000;
/** A StatefulSet is some ten kilobytes; etcd takes no object above 1.5 MiB. */
const ANSWER_BYTES_MAX = 2 * 1024 * 1024;

/** What the kubelet puts into every container's environment. Undefined outside of a cluster. */
export function kubernetesAddress(
  environment: Readonly<Record<string, string | undefined>>,
): KubernetesAddress | undefined {
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = Number(environment['KUBERNETES_SERVICE_PORT'] ?? 443);
  return host === undefined || host === '' ? undefined : { host, port };
}

/**
 * The one question that a replica has for the Kubernetes API: how many pods its StatefulSet is to have. One GET with the pod's own token, so that no client library is needed. It is
 * asked without a resource version, so the answer is of now, not of some cache.
 */
export class KubernetesApi {
  /** @param credentials directory of `token`, `ca.crt` and `namespace`; read each time, as the kubelet renews the token. */
  constructor(
    private readonly address: KubernetesAddress,
    private readonly statefulSet: string,
    private readonly credentials: string,
  ) {}

  /** @throws Error that says what is wrong, and what to do about it where that is known. */
  async readSize(signal: AbortSignal): Promise<SetSize> {
    const [token, ca, namespace] = await Promise.all(
      ['token', 'ca.crt', 'namespace'].map((name) =>
        readFile(path.join(this.credentials, name), { encoding: 'utf8', signal }),
      ),
    );
    const url = `/apis/apps/v1/namespaces/${encode(namespace)}/statefulsets/${encode(this.statefulSet)}`;
    const { status, body } = await this.get(url, String(token).trim(), String(ca), signal);
    if (status !== 200) throw new Error(this.describe(status, url));
    return sizeOf(JSON.parse(body));
  }

  private get(
    url: string,
    token: string,
    ca: string,
    signal: AbortSignal,
  ): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          ...this.address,
          path: url,
          ca,
          agent: false,
          headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
          signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        },
        (response) => {
          let bytes = 0;
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            chunks.push(chunk);
            if (bytes > ANSWER_BYTES_MAX) {
              response.destroy(new Error(`an answer above ${ANSWER_BYTES_MAX} bytes`));
            }
          });
          response.once('error', reject);
          response.once('end', () => {
            const body = Buffer.concat(chunks).toString('utf8');
            resolve({ status: response.statusCode ?? 0, body });
          });
        },
      );
      asked.once('error', reject);
      asked.end();
    });
  }

  private describe(status: number, url: string): string {
    const what = `the Kubernetes API answered ${status} to GET ${url}`;
    if (status === 401) return `${what}: it does not take the token in ${this.credentials}`;
    if (status === 403) {
      return `${what}: give the pod's service account a Role that may get statefulsets, resourceNames ${this.statefulSet}`;
    }
    if (status === 404)
      return `${what}: set RAFTWAY_KUBERNETES_STATEFUL_SET to the name of this pod's`;
    return what;
  }
}

function encode(text: string | undefined): string {
  return encodeURIComponent((text ?? '').trim());
}

/** @throws Error for what is no StatefulSet that stays. */
function sizeOf(answer: unknown): SetSize {
  const { metadata, spec } = (answer ?? {}) as {
    metadata?: { deletionTimestamp?: unknown };
    spec?: { replicas?: unknown; ordinals?: { start?: unknown } };
  };
  const replicas = spec?.replicas;
  const firstOrdinal = spec?.ordinals?.start ?? 0;
  if (!isCount(replicas) || !isCount(firstOrdinal)) {
    throw new Error('the Kubernetes API answered something that is no StatefulSet');
  }
  if (metadata?.deletionTimestamp !== undefined) {
    throw new Error('the StatefulSet is being deleted: that changes no members');
  }
  return { replicas, firstOrdinal };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
