import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readAppList } from '@raftway/config';
import { Catalogue, type Metric, unitOf } from './catalogue';

/** What `--metrics` of an app prints of each metric: AppMetric of service-kit. */
type Declared = Pick<Metric, 'name' | 'type' | 'labels' | 'help' | 'withTlsOnly'>;

/** A replica has to have a number, whatever this machine is called. */
const NODE_ID = { RAFTWAY_NODE_ID: '1' };

/**
 * Asks every app of `apps/apps.json`, built, what it measures. Some metrics of processes exist on Linux only: elsewhere the ones that are committed stay.
 *
 * @throws Error when one is not built, or two differ on a metric
 */
export function readApps(workspace: string, committed: Catalogue): Catalogue {
  const metrics = new Map<string, Metric>();
  for (const [app, { peerPort }] of readAppList(workspace)) {
    const environment = peerPort === undefined ? {} : NODE_ID;
    for (const declared of declaredBy(workspace, app, environment)) {
      const known = metrics.get(declared.name);
      const { name, type, help, labels, withTlsOnly } = declared;
      const metric = { name, type, unit: unitOf(name), labels, help, withTlsOnly };
      if (known !== undefined && !agree(known, declared))
        throw new Error(`${app} and ${known.apps.join(', ')} differ on what ${name} is`);
      metrics.set(name, { ...metric, apps: [...(known?.apps ?? []), app] });
    }
  }
  if (process.platform !== 'linux') {
    for (const metric of committed.withPrefix('process_')) metrics.set(metric.name, metric);
  }
  return new Catalogue([...metrics.values()].sort((a, b) => (a.name < b.name ? -1 : 1)));
}

function agree(one: Declared, other: Declared): boolean {
  const key = ({ type, labels, help }: Declared): string => JSON.stringify([type, labels, help]);
  return key(one) === key(other);
}

function declaredBy(
  workspace: string,
  app: string,
  environment: Readonly<Record<string, string>>,
): Declared[] {
  const entry = join(workspace, 'apps', app, 'dist', 'main.js');
  if (!existsSync(entry)) throw new Error(`${app} is not built: npm run build`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, '--metrics'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...environment },
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`${app} --metrics failed: ${stderr}`);
  return JSON.parse(stdout) as Declared[];
}
