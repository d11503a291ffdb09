import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { APPS, type AppName } from './workloads';
import { K8S } from './manifests';

/** What the built app says of one of its options. */
export interface AppOption {
  readonly variable: string;
  readonly defaultText: string;
}

/** The built entry of an app. */
export function entryOf(app: AppName): string {
  return path.join(K8S, '..', 'apps', app, 'dist', 'main.js');
}

/** The options of every app, and the variables of OpenTelemetry that it reads, by variable, as `--help` of the built app prints them. @throws Error when an app is not built. */
export function readAppOptions(): ReadonlyMap<AppName, ReadonlyMap<string, AppOption>> {
  return new Map(APPS.map((app) => [app, optionsOf(app)]));
}

function optionsOf(app: AppName): ReadonlyMap<string, AppOption> {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entryOf(app), '--help'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${app} --help failed; is it built? ${stderr}`);
  const lines = stdout.matchAll(
    /^ {2}(RAFTWAY_\w+(?= \()|OTEL_\w+$)(?: \(.*?\)(?: {2}\[(.*)\])?)?$/gm,
  );
  return new Map(
    [...lines].map(([, variable = '', defaultText = '']) => [variable, { variable, defaultText }]),
  );
}

/** No app has it. */
const UNKNOWN = 'RAFTWAY_NOT_AN_OPTION';

/**
 * What an app says against an environment; empty when it accepts all of it. It is started with one unknown variable more, so that it
 * refuses to start, with everything that it has to say.
 */
export function refusedBy(app: AppName, environment: Readonly<Record<string, string>>): string[] {
  const { status, stderr } = spawnSync(process.execPath, [entryOf(app)], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...environment, [UNKNOWN]: '1' },
    timeout: 30_000,
  });
  if (status !== 78) throw new Error(`${app} ended with ${status ?? 'a signal'}: ${stderr}`);
  return stderr.split('\n').filter((line) => line.includes('RAFTWAY_') && !line.includes(UNKNOWN));
}
