import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../command/command-error';
import { ExitCode } from '../command/exit-code';
import { planSuite, type ProcessPlan, type SuiteOptions } from '../up/suite';

/** Where one replica can be asked. */
export interface ReplicaTarget {
  /** Such as "lock-service-2"; the address where no name is known. */
  readonly name: string;
  readonly address: string;
  /** Where /readyz is; undefined when it is not known. */
  readonly httpAddress: string | undefined;
}

/** Where a suite can be asked. */
export interface SuiteTargets {
  readonly groups: readonly {
    readonly name: string;
    readonly replicas: readonly ReplicaTarget[];
  }[];
  /** Undefined when nobody named one. */
  readonly gateway: string | undefined;
}

/** A process of a suite on this machine, with its id if `raftway up` has said so. */
export type LocalProcess = ProcessPlan & { readonly pid: number | undefined };

/** The replicated services of the suite, in the order in which they are shown. */
export const GROUPS = ['registry', 'lock-service', 'id-service'] as const;

/** What `raftway up` left in the data directory; otherwise what it would start there. */
export function localProcesses(options: Omit<SuiteOptions, 'replicas'>): LocalProcess[] {
  const recorded = readJson(join(options.dataDir, 'up.json'));
  if (Array.isArray(recorded) && recorded.every(isProcess)) return recorded;
  const mark = readJson(join(options.dataDir, 'suite.json')) as { replicas?: unknown } | undefined;
  const replicas = typeof mark?.replicas === 'number' ? mark.replicas : 3;
  return planSuite({ ...options, replicas }).map((plan) => ({ ...plan, pid: undefined }));
}

function isProcess(value: unknown): value is LocalProcess {
  if (typeof value !== 'object' || value === null) return false;
  const { name, service, address, httpAddress, listens } = value as Record<string, unknown>;
  const texts = [name, service, address, httpAddress].every((one) => typeof one === 'string');
  return texts && Array.isArray(listens);
}

function readJson(path: string): unknown {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(ExitCode.failed, `${path} cannot be read: ${why}`, { cause: error });
  }
}

/** The groups and the gateway among a suite's processes. */
export function targetsOf(processes: readonly LocalProcess[]): SuiteTargets {
  const groups = GROUPS.map((name) => ({
    name,
    replicas: processes
      .filter(({ service }) => service === name)
      .map((one) => ({ name: one.name, address: one.address, httpAddress: one.httpAddress })),
  })).filter(({ replicas }) => replicas.length > 0);
  const gateway = processes.find(({ service }) => service === 'gateway');
  return { groups, gateway: gateway?.address };
}

/** A group that somebody named on the command line. */
export interface NamedGroup {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Targets from names alone. */
export function namedTargets(
  groups: readonly NamedGroup[],
  gateway: string | undefined,
): SuiteTargets {
  return {
    groups: groups.map(({ name, addresses }) => ({
      name,
      replicas: addresses.map((address) => ({ name: address, address, httpAddress: undefined })),
    })),
    gateway,
  };
}
