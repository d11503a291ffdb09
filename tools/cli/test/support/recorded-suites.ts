import type { MachineFacts } from '../../src/doctor/facts';
import type {
  GroupObservation,
  ReplicaFacts,
  ReplicaObservation,
  SuiteObservation,
} from '../../src/suite/observation';

// What was seen of suites in known states: for specs of what is said about them.

const MEBIBYTE = 1024 * 1024;
const FIRST_PORT = { registry: 20061, 'lock-service': 20071, 'id-service': 20081 };
type GroupName = keyof typeof FIRST_PORT;
const NAMES = Object.keys(FIRST_PORT) as GroupName[];

/** A replica in good order. @param id also its place in the group; 2 leads. */
export function replica(
  group: GroupName,
  id: number,
  changes: Partial<ReplicaFacts> = {},
): ReplicaObservation {
  const port = FIRST_PORT[group] + id - 1;
  return {
    name: `${group}-${id}`,
    address: `127.0.0.1:${port}`,
    unreachable: undefined,
    isServing: true,
    notReady: [],
    facts: {
      id,
      clusterId: group,
      role: id === 2 ? 'leader' : 'follower',
      standing: 'voter',
      term: 3,
      leaderId: 2,
      lastIndex: 1204,
      commitIndex: 1204,
      appliedIndex: 1204,
      configurationIndex: 1,
      isJoint: false,
      isDiskFull: false,
      members: [1, 2, 3].map((member) => ({
        id: member,
        peerAddress: `127.0.0.1:${FIRST_PORT[group] + member + 999}`,
        isVoter: true,
      })),
      version: '0.1.0',
      runtime: 'node v24.21.0',
      clockOffsetMs: 2,
      clockErrorMs: 1,
      ...changes,
    },
  };
}

/** The same replica without an answer. */
export function silent(
  one: ReplicaObservation,
  unreachable = 'connection refused',
): ReplicaObservation {
  return { ...one, facts: undefined, unreachable, isServing: undefined };
}

function group(name: GroupName): GroupObservation {
  return { name, replicas: [1, 2, 3].map((id) => replica(name, id)) };
}

/** Everybody answers and nothing is wrong. */
export function healthySuite(): SuiteObservation {
  const services = ['helloworld.Greeter', 'raftway.id.v1.IdService', 'raftway.lock.v1.LockService'];
  return {
    groups: NAMES.map(group),
    gateway: {
      address: '127.0.0.1:8080',
      unreachable: undefined,
      isServing: true,
      services: services.map((name) => ({ name, isServing: true })),
    },
  };
}

/** The same suite with other replicas in the lock service. */
export function withLockReplicas(replicas: readonly ReplicaObservation[]): SuiteObservation {
  const { groups, gateway } = healthySuite();
  const changed = groups.map((one) => (one.name === 'lock-service' ? { ...one, replicas } : one));
  return { groups: changed, gateway };
}

/** Two of three replicas of the lock service have been killed. */
export function leaderlessSuite(): SuiteObservation {
  const left = replica('lock-service', 2, { role: 'pre-candidate', leaderId: 0 });
  return withLockReplicas([
    silent(replica('lock-service', 1)),
    { ...left, isServing: false },
    silent(replica('lock-service', 3)),
  ]);
}

/** The disks of two of three replicas of the lock service are full. */
export function diskFullSuite(): SuiteObservation {
  const full = (id: number): ReplicaObservation => ({
    ...replica('lock-service', id, { role: 'candidate', leaderId: 0, isDiskFull: true, term: 4 }),
    isServing: false,
  });
  const third = replica('lock-service', 3, { role: 'pre-candidate', leaderId: 0, term: 3 });
  return withLockReplicas([full(1), full(2), { ...third, isServing: false }]);
}

/** A machine on which a suite runs and nothing is wrong. */
export function healthyMachine(): MachineFacts {
  const names = NAMES.flatMap((name) => [1, 2, 3].map((id) => ({ name, id })));
  return {
    processes: names.map(({ name, id }, place) => {
      const port = FIRST_PORT[name] + id - 1;
      return {
        name: `${name}-${id}`,
        pid: 4242 + place,
        isAlive: true,
        answers: true,
        ports: [port, port + 1000, port + 2000].map((one) => ({
          address: `127.0.0.1:${one}`,
          state: 'taken',
        })),
        openFiles: { used: 40, limit: 1_048_576 },
      };
    }),
    directories: names.map(({ name, id }, place) => ({
      path: `.raftway/${name}-${id}`,
      holder: 4242 + place,
      refused: undefined,
    })),
    disks: [{ path: '.raftway/registry-1', freeBytes: 20_000 * MEBIBYTE, freeFiles: 1_000_000 }],
  };
}

/** The same machine after the killed processes of {@link leaderlessSuite}. */
export function leaderlessMachine(): MachineFacts {
  const machine = healthyMachine();
  const dead = ['lock-service-1', 'lock-service-3'];
  return {
    ...machine,
    processes: machine.processes.map((one) =>
      dead.includes(one.name)
        ? {
            ...one,
            isAlive: false,
            answers: false,
            ports: one.ports.map((port) => ({ ...port, state: 'free' })),
            openFiles: undefined,
          }
        : one,
    ),
  };
}

/** The same machine with full disks of its own for the lock service. */
export function diskFullMachine(): MachineFacts {
  const full = ['.raftway/lock-service-1', '.raftway/lock-service-2'];
  const { disks, ...rest } = healthyMachine();
  return {
    ...rest,
    disks: [...disks, ...full.map((path) => ({ path, freeBytes: 0, freeFiles: 5000 }))],
  };
}
