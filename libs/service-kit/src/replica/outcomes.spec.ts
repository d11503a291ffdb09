import { readFileSync } from 'node:fs';
import path from 'node:path';
import { helloworld } from '@raftway/contracts';
import { createMetrics, silentLogger } from '@raftway/observability';
import { RaftError, type OutcomeUnknownReason, type StateMachine } from '@raftway/raft';
import { createMemoryCluster, type MemoryCluster } from '@raftway/raft/testing';
import type { ServiceClient } from '../client/client-types';
import { implementService } from '../rpc/implement-service';
import { startTestServer } from '../testing';
import { createReplica } from './create-replica';
import { raftErrorToServiceError } from './raft-errors';
import { replicaOptionsSchema } from './replica-options';

const WHYS = Object.keys({
  timeout: 0,
  noLeader: 0,
  quorumLost: 0,
  diskSlow: 0,
  cancelled: 0,
  leaderChanged: 0,
  overwritten: 0,
  snapshotInstalled: 0,
  resultEvicted: 0,
  stopped: 0,
} satisfies Record<OutcomeUnknownReason, 0>) as OutcomeUnknownReason[];

const stateMachine: StateMachine<number> = {
  apply: () => 1,
  snapshot: () => new Uint8Array(0),
  restore: () => undefined,
  encodeResult: () => new Uint8Array(0),
  decodeResult: () => 1,
};

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A greeting is a proposal of this replica, with the name as the command. */
async function serviceOn(
  cluster: MemoryCluster<number>,
  id: number,
): Promise<ServiceClient<typeof helloworld.GreeterService>> {
  const metrics = createMetrics({ processMetrics: false });
  const replica = createReplica({
    ...{ service: 'test', grpcServices: [], stateMachine, metrics, logger: silentLogger() },
    options: replicaOptionsSchema.parse({}),
    node: cluster.node(id),
  });
  const unused = (): never => {
    throw new Error('not in these specs');
  };
  const service = implementService(helloworld.GreeterService, {
    sayHello: async ({ name }, call) => {
      await replica.propose(Buffer.from(name), call);
      return { message: name };
    },
    sayHelloStreamReply: unused,
    sayHelloClientStream: unused,
    sayHelloBidiStream: unused,
    sayHelloNumbered: unused,
  });
  const test = await startTestServer({ services: [service], metrics });
  cleanups.push(() => test.stop());
  return test.client(helloworld.GreeterService);
}

async function clusterOf(options: object = {}): Promise<MemoryCluster<number>> {
  const cluster = await createMemoryCluster(3, () => stateMachine, options);
  cleanups.push(() => cluster.stop());
  return cluster;
}

describe('a client of a replicated service hears', () => {
  it('why the outcome is unknown, before its own deadline', async () => {
    const cluster = await clusterOf();
    const leader = await cluster.leader();
    const client = await serviceOn(cluster, leader.id);
    cluster.isolate(leader.id);

    const failure = client.sayHello({ name: 'Ada' }, { timeoutMs: 2_000 });

    await expect(failure).rejects.toMatchObject({
      codeName: 'UNAVAILABLE',
      reason: 'OUTCOME_UNKNOWN',
      metadata: { why: 'quorumLost' },
    });
  });

  it('which limit was reached, by how much, and when to come again', async () => {
    const cluster = await clusterOf({ uncommittedEntriesMax: 2 });
    const leader = await cluster.leader();
    const client = await serviceOn(cluster, leader.id);
    const ask = () =>
      client.sayHello({ name: 'Ada' }, { timeoutMs: 1_000, retry: false } as object);
    cluster.isolate(leader.id);

    const outcomes = await Promise.allSettled([ask(), ask(), ask()]);

    const reasons = outcomes.map((one) => (one as PromiseRejectedResult).reason as object);
    expect(reasons).toContainEqual(
      expect.objectContaining({
        codeName: 'RESOURCE_EXHAUSTED',
        reason: 'QUEUE_FULL',
        retryDelayMs: 50,
        metadata: expect.objectContaining({
          field: 'uncommittedEntries',
          limit: '2',
          value: '2',
        }) as object,
      }),
    );
  });

  it('that nothing happened, when no leader was there', async () => {
    const cluster = await clusterOf({ leaderWaitMs: 100 });
    const leader = await cluster.leader();
    const client = await serviceOn(cluster, leader.id);
    cluster.isolate(leader.id);
    await client.sayHello({ name: 'Ada' }, { timeoutMs: 1_000 }).catch(() => undefined);

    const failure = client.sayHello({ name: 'Ada' }, { timeoutMs: 2_000 });

    await expect(failure).rejects.toMatchObject({ codeName: 'UNAVAILABLE', reason: 'NO_LEADER' });
  });
});

describe('the reasons of unknown outcomes', () => {
  it.each(WHYS)('%s is in the metadata, and in docs/reference/errors.md', (reason) => {
    const answer = raftErrorToServiceError(new RaftError('outcomeUnknown', 'a fact', { reason }));

    expect(answer).toMatchObject({ reason: 'OUTCOME_UNKNOWN', metadata: { why: reason } });
    const page = path.join(__dirname, '../../../../docs/reference/errors.md');
    expect(readFileSync(page, 'utf8')).toContain(`| \`${reason}\` |`);
  });
});
