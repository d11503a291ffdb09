import type { SuiteAssessment } from '../suite/assess-suite';
import type { ReplicaFacts } from '../suite/observation';
import { bySeverity, type Problem } from '../suite/problem';
import type { MachineFacts } from './facts';
import {
  checkDirectories,
  checkDisks,
  checkOpenFiles,
  checkPorts,
  checkProcesses,
} from './machine';

/** One thing that was looked at. */
export interface Check {
  readonly topic: string;
  /** What is said when nothing is wrong. */
  readonly sound: string;
  readonly problems: readonly Problem[];
}

/** A clock that is off by more is worth knowing: ids of different replicas are in order as far as their clocks agree. */
const CLOCK_WARNING_MS = 500;
/** Beyond this a replica of the id service may get no worker lease. */
const CLOCK_ERROR_MS = 10_000;
const OLDEST_NODE = 20;

/**
 * Judges everything that was gathered. Pure.
 *
 * @param machine undefined for a suite that runs elsewhere.
 * @param ownVersion the release of this program.
 */
export function diagnose(
  suite: SuiteAssessment,
  machine: MachineFacts | undefined,
  ownVersion: string,
): readonly Check[] {
  const replicas = suite.groups.flatMap((group) =>
    group.replicas.flatMap(({ name, facts }) => (facts === undefined ? [] : [{ name, ...facts }])),
  );
  const local =
    machine === undefined
      ? []
      : [
          checkProcesses(machine.processes),
          checkPorts(machine.processes),
          checkDirectories(machine.directories),
          checkDisks(machine.disks),
          checkOpenFiles(machine.processes),
        ];
  const checks = [
    {
      topic: 'suite',
      sound: 'every group has a leader and all replicas',
      problems: suite.problems,
    },
    ...local,
    checkClocks(replicas),
    checkVersions(replicas, ownVersion),
  ];
  return checks.map((check) => ({ ...check, problems: bySeverity(check.problems) }));
}

type NamedFacts = ReplicaFacts & { readonly name: string };

function checkClocks(replicas: readonly NamedFacts[]): Check {
  const check = { topic: 'clocks', sound: 'the replicas’ clocks agree', problems: [] };
  const known = replicas
    .flatMap(({ name, clockOffsetMs, clockErrorMs }) =>
      clockOffsetMs === undefined ? [] : [{ name, offsetMs: clockOffsetMs, errorMs: clockErrorMs }],
    )
    .toSorted((left, right) => left.offsetMs - right.offsetMs);
  const [slowest, fastest] = [known[0], known.at(-1)];
  if (slowest === undefined || fastest === undefined) {
    return { ...check, sound: 'no replica has told the time' };
  }
  // What the network may account for is not held against a clock.
  const spreadMs = fastest.offsetMs - slowest.offsetMs - (fastest.errorMs + slowest.errorMs);
  if (spreadMs <= CLOCK_WARNING_MS) return check;
  const fact = `it is ${(spreadMs / 1000).toFixed(1)} s ahead of ${slowest.name}`;
  const remedy =
    'Synchronize the clocks of their machines (NTP). Leases and locks do not depend on them; the order of ids does, and a replica far ahead gets no worker lease.';
  const severity = spreadMs > CLOCK_ERROR_MS ? 'error' : 'warning';
  return { ...check, problems: [{ severity, subject: fastest.name, fact, remedy }] };
}

function checkVersions(replicas: readonly NamedFacts[], ownVersion: string): Check {
  const versions = namesBy(replicas, ({ version }) => version);
  const runtimes = namesBy(replicas, ({ runtime }) => runtime);
  const [version = 'unknown'] = versions.keys();
  const [runtime = 'unknown'] = runtimes.keys();
  const sound =
    replicas.length === 0
      ? 'no replica has said what it runs'
      : `all replicas run release ${version} on ${runtime}`;
  const problems: Problem[] = [];
  if (versions.size > 1) {
    const fact = `its replicas run different releases: ${listOf(versions)}`;
    const remedy = 'Finish the upgrade: a group must not stay like this.';
    problems.push({ severity: 'warning', subject: 'suite', fact, remedy });
  } else if (versions.size === 1 && version !== ownVersion) {
    const fact = `it runs release ${version}, and this program is of ${ownVersion}`;
    const remedy = 'Use the program of the same release.';
    problems.push({ severity: 'note', subject: 'suite', fact, remedy });
  }
  if (runtimes.size > 1) {
    const fact = `its replicas run on different runtimes: ${listOf(runtimes)}`;
    const remedy = 'Run all of them on the runtime that package-lock.json pins.';
    problems.push({ severity: 'warning', subject: 'suite', fact, remedy });
  }
  for (const [text, names] of runtimes) {
    const major = /^node v(\d+)/.exec(text)?.[1];
    if (major === undefined || Number(major) >= OLDEST_NODE) continue;
    const fact = `it runs on ${text}, and ${OLDEST_NODE} is the oldest that is supported`;
    const remedy = 'Run it on the runtime that package-lock.json pins.';
    problems.push({ severity: 'error', subject: names.join(', '), fact, remedy });
  }
  return { topic: 'versions', sound, problems };
}

function namesBy(
  replicas: readonly NamedFacts[],
  keyOf: (facts: NamedFacts) => string,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const replica of replicas) {
    const key = keyOf(replica) === '' ? 'one that does not say' : keyOf(replica);
    found.set(key, [...(found.get(key) ?? []), replica.name]);
  }
  return found;
}

function listOf(found: ReadonlyMap<string, readonly string[]>): string {
  return [...found].map(([key, names]) => `${key} (${names.join(', ')})`).join('; ');
}
