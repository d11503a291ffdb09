import { get } from 'node:http';
import { at } from '../render/kube-object';
import type { Workload } from '../support/workloads';

export type ProbeName = 'startupProbe' | 'readinessProbe' | 'livenessProbe';

/** A probe of a container, with the API's defaults. */
export interface Probe {
  readonly path: string;
  readonly port: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failuresMax: number;
}

/** Reads a probe. @throws Error for any but the HTTP ones, which are all that our apps have. */
export function readProbe({ name, container, ports }: Workload, probe: ProbeName): Probe {
  const number = (key: string, preset: number): number =>
    Number(at(container, probe, key) ?? preset);
  const path = at(container, probe, 'httpGet', 'path');
  const port = ports.get(String(at(container, probe, 'httpGet', 'port')));
  if (typeof path !== 'string' || port === undefined) {
    throw new Error(`${name} has no ${probe} that can be run here`);
  }
  return {
    path,
    port,
    periodMs: number('periodSeconds', 10) * 1000,
    timeoutMs: number('timeoutSeconds', 1) * 1000,
    failuresMax: number('failureThreshold', 3),
  };
}

/** Runs a probe once, as a kubelet does: any answer from 200 to 399 in time is good. */
export function succeeds({ path, port, timeoutMs }: Probe, ip: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(
      { host: ip, port, path, agent: false, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        response.resume();
        const code = response.statusCode ?? 0;
        resolve(code >= 200 && code < 400);
      },
    );
    request.once('error', () => resolve(false));
  });
}
