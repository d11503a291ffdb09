import { health, raft } from '@raftway/contracts';
import { createMetrics, silentLogger } from '@raftway/observability';
import { RaftError, type StateMachine } from '@raftway/raft';
import { createMemoryCluster } from '@raftway/raft/testing';
import { createTestReplica, startTestServer, testCall } from '../testing';
import { raftErrorToServiceError } from './raft-errors';
import { createReplica } from './create-replica';
import { replicaOptionsSchema } from './replica-options';
import { defaultDataDir, nodeIdFromHostName } from './replica-identity';

/** Counts commands: the smallest state machine there is. */
class Counter implements StateMachine<number> {
  private count = 0;
  apply(): number {
    return ++this.count;
  }
  expire(): void {}
  nextDeadlineMs(): undefined {
    return undefined;
  }
  snapshot(): Uint8Array {
    return Uint8Array.of(1, this.count);
  }
  restore(snapshot: Uint8Array): void {
    this.count = snapshot[1] ?? 0;
  }
  encodeResult(result: number): Uint8Array {
    return Uint8Array.of(result);
  }
  decodeResult(bytes: Uint8Array): number {
    return bytes[0] ?? 0;
  }
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const command = Uint8Array.of(1);

describe('a replica', () => {
  it('applies commands, and a request id at most once', async () => {
    const replica = await createTestReplica({ stateMachine: new Counter() });
    cleanups.push(() => replica.stop());
    expect((await replica.propose(command, testCall())).result).toBe(1);
    expect((await replica.propose(command, testCall(), 'once')).result).toBe(2);
    expect((await replica.propose(command, testCall(), 'once')).result).toBe(2);
    await replica.read(testCall());
  });

  it('answers NOT_READY before it takes part and after it stopped', async () => {
    const replica = await createTestReplica({ stateMachine: new Counter() });
    await replica.stop();
    expect(replica.readiness()).toBe('the replica does not take part in its group');
    await expect(replica.propose(command, testCall())).rejects.toMatchObject({
      codeName: 'UNAVAILABLE',
      reason: 'NOT_READY',
    });
  });

  it('answers NO_LEADER with a retry delay while its group has none', async () => {
    const cluster = await createMemoryCluster(3, () => new Counter(), { leaderWaitMs: 100 });
    cleanups.push(() => cluster.stop());
    const leader = await cluster.leader();
    const cutOff = [1, 2, 3].find((id) => id !== leader.id) ?? 0;
    const replica = createReplica({
      service: 'test',
      grpcServices: [],
      options: replicaOptionsSchema.parse({}),
      stateMachine: cluster.stateMachine(cutOff),
      logger: silentLogger(),
      metrics: createMetrics({ processMetrics: false }),
      node: cluster.node(cutOff),
    });
    cluster.isolate(cutOff);
    await until(() => replica.node.status().leaderId === 0);
    await expect(replica.propose(command, testCall())).rejects.toMatchObject({
      reason: 'NO_LEADER',
      retryDelayMs: expect.any(Number) as number,
    });
  });
});

describe('a replica that nobody should be sent to yet', () => {
  it('is of use once it knows its leader, and waited for no longer than that', async () => {
    const cluster = await createMemoryCluster(3, () => new Counter());
    cleanups.push(() => cluster.stop());
    const leader = await cluster.leader();
    const cutOff = [1, 2, 3].find((id) => id !== leader.id) ?? 0;
    const replica = createReplica({
      service: 'test',
      grpcServices: [],
      options: replicaOptionsSchema.parse({}),
      stateMachine: cluster.stateMachine(cutOff),
      logger: silentLogger(),
      metrics: createMetrics({ processMetrics: false }),
      node: cluster.node(cutOff),
    });
    cluster.isolate(cutOff);
    await until(() => replica.node.status().leaderId === 0);
    const givingUp = new AbortController();
    const given = replica.whenUseful(givingUp.signal);
    let isUseful = false;
    const useful = replica.whenUseful(new AbortController().signal).then(() => (isUseful = true));
    givingUp.abort();
    await expect(given).rejects.toThrow();
    expect(isUseful).toBe(false);

    cluster.heal();

    await useful;
    expect(replica.node.status().leaderId).not.toBe(0);
  });

  it.each([
    ['without peers', {}],
    ['with peers that are no pods', { peers: '1=10.0.0.1:51061' }],
    ['without a port', { peers: '1=set-0.peers:51061' }],
  ])('and is to join by itself cannot be made %s', (_what, options) => {
    const make = () =>
      createReplica({
        service: 'test',
        grpcServices: [],
        options: replicaOptionsSchema.parse({ nodeId: 1, raftAutoJoin: true, ...options }),
        stateMachine: new Counter(),
        logger: silentLogger(),
        metrics: createMetrics({ processMetrics: false }),
      });
    expect(make).toThrow(/RAFTWAY_RAFT_AUTO_JOIN/);
  });
});

describe('a server with a replica', () => {
  it('serves RaftAdminService, health by leadership, and raft metrics', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const replica = await createTestReplica({
      stateMachine: new Counter(),
      grpcServices: ['raftway.lock.v1.LockService'],
      metrics,
    });
    const test = await startTestServer({ services: [], replica, metrics });
    cleanups.push(() => test.stop());

    const admin = test.client(raft.RaftAdminServiceService);
    expect(await admin.getStatus({})).toMatchObject({
      id: 1n,
      leaderId: 1n,
      role: raft.Role.LEADER,
    });
    const checks = test.client(health.HealthService);
    expect(await checks.check({ service: 'raftway.lock.v1.LockService' })).toEqual({
      status: health.HealthCheckResponse_ServingStatus.SERVING,
    });
    expect(await metrics.text()).toContain('raftway_raft_is_leader 1');
    await expect(admin.transferLeadership({ targetId: 9n })).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      reason: 'TRANSFER_FAILED',
    });
  });

  it('stops the replica after the server has drained', async () => {
    const replica = await createTestReplica({ stateMachine: new Counter() });
    const test = await startTestServer({ services: [], replica });
    await test.stop();
    expect(replica.node.isReady()).toBe(false);
  });
});

describe('errors of Raft', () => {
  it.each([
    ['noLeader', 'UNAVAILABLE', 'NO_LEADER'],
    ['queueFull', 'RESOURCE_EXHAUSTED', 'QUEUE_FULL'],
    ['tooLarge', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'],
    ['outcomeUnknown', 'UNAVAILABLE', 'OUTCOME_UNKNOWN'],
    ['stopped', 'UNAVAILABLE', 'NOT_READY'],
    ['deadlineExceeded', 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'],
    ['cancelled', 'CANCELLED', 'CANCELLED'],
    ['tooStale', 'UNAVAILABLE', 'TOO_STALE'],
    ['transferFailed', 'FAILED_PRECONDITION', 'TRANSFER_FAILED'],
    ['notLeader', 'FAILED_PRECONDITION', 'NOT_LEADER'],
    ['changeInProgress', 'FAILED_PRECONDITION', 'CHANGE_IN_PROGRESS'],
    ['invalidChange', 'FAILED_PRECONDITION', 'INVALID_CHANGE'],
    ['notCaughtUp', 'FAILED_PRECONDITION', 'NOT_CAUGHT_UP'],
    ['invalidOptions', 'INTERNAL', 'INTERNAL'],
  ] as const)('%s is %s %s', (code, codeName, reason) => {
    const answer = raftErrorToServiceError(new RaftError(code, 'a fact'));
    expect(answer).toMatchObject({ codeName, reason });
  });
});

describe('identity', () => {
  it('takes the node id from the ordinal at the end of the host name', () => {
    expect(nodeIdFromHostName('registry-0')).toBe(1);
    expect(nodeIdFromHostName('lock-service-12.lock.default.svc')).toBe(13);
    expect(nodeIdFromHostName('laptop')).toBe(1);
  });

  it('puts the data directory under the workspace root', () => {
    expect(defaultDataDir('registry', 2, __dirname)).toMatch(/\/\.raftway\/registry-2$/);
    expect(defaultDataDir('registry', 2, __dirname)).not.toContain('service-kit');
    expect(defaultDataDir('registry', 2, '/')).toBe('/.raftway/registry-2');
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000; turn += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it did not happen within 20 s');
}
