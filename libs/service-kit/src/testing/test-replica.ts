import { createMetrics, silentLogger, type Logger, type Metrics } from '@raftway/observability';
import type { RaftTracing, StateMachine } from '@raftway/raft';
import { createSingleNode } from '@raftway/raft/testing';
import { createReplica } from '../replica/create-replica';
import { replicaOptionsSchema } from '../replica/replica-options';
import type { Replica, ReplicaCall } from '../replica/replica-types';

/** What a replica in memory is made from. */
export interface TestReplicaSettings<Result> {
  readonly stateMachine: StateMachine<Result>;
  /** @default test */
  readonly service?: string | undefined;
  /** @default none */
  readonly grpcServices?: readonly string[] | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
  /** @default none */
  readonly tracing?: RaftTracing | undefined;
  /** @default a registry of its own */
  readonly metrics?: Metrics | undefined;
}

/** A started group of one on an in-memory disk, with its real driver and real time. Stop it, or the server that it was given to. */
export async function createTestReplica<Result>(
  settings: TestReplicaSettings<Result>,
): Promise<Replica<Result>> {
  return createReplica({
    service: settings.service ?? 'test',
    grpcServices: settings.grpcServices ?? [],
    options: replicaOptionsSchema.parse({}),
    stateMachine: settings.stateMachine,
    logger: settings.logger ?? silentLogger(),
    metrics: settings.metrics ?? createMetrics({ processMetrics: false }),
    node: await createSingleNode(settings.stateMachine, { tracing: settings.tracing }),
  });
}

/** A call for specs that speak to a replica without a server. @param deadlineMs default 5000 */
export function testCall(deadlineMs = 5000): ReplicaCall {
  return { signal: new AbortController().signal, deadlineMs };
}
