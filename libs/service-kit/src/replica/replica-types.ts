import type { Logger, Metrics } from '@raftway/observability';
import type { Applied, RaftNode, StateMachine } from '@raftway/raft';
import type { TlsSource } from '@raftway/tls';
import type { CallContext } from '../rpc/handlers';
import type { ServerComponent } from '../server/server-types';
import type { ReplicaOptions } from './replica-options';

/** The part of a client's call that tells how long its answer is of interest. */
export type CancellableCall = Pick<CallContext, 'deadlineMs' | 'signal'>;

/** The part of a call that proposals and reads need. Without a signal nobody can cancel it. */
export type ReplicaCall = Pick<CancellableCall, 'deadlineMs'> & Partial<CancellableCall>;

/** What a replica is made from. */
export interface ReplicaSettings<Result> {
  /** The service's name, such as `lock-service`: default of cluster id and data directory, and a label of metrics. */
  readonly service: string;
  /** Full names of the gRPC services that need a leader: SERVING while one is known and the lag is bounded. */
  readonly grpcServices: readonly string[];
  readonly options: ReplicaOptions;
  readonly stateMachine: StateMachine<Result>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Certificates of the links between replicas. @default plaintext */
  readonly tls?: TlsSource | undefined;
  /** How far this replica may be behind and still serve, in entries. @default 10000 */
  readonly lagEntriesMax?: number | undefined;
  /** Instead of the node that the options describe: for specs. */
  readonly node?: RaftNode<Result> | undefined;
}

/**
 * One replica of a replicated app. Hand it to createServer as `replica`, which starts it first, stops it last, and serves its
 * RaftAdminService and health.
 */
export interface Replica<Result> extends ServerComponent {
  readonly node: RaftNode<Result>;
  readonly nodeId: number;
  /**
   * Replicates a command and yields the state machine's result.
   * @param requestId applied at most once; empty or undefined = none.
   * @throws ServiceError NO_LEADER, QUEUE_FULL (nothing happened), OUTCOME_UNKNOWN, DEADLINE_EXCEEDED, CANCELLED.
   */
  propose(command: Uint8Array, call: ReplicaCall, requestId?: string): Promise<Applied<Result>>;
  /** Resolves once this replica takes part in its group and knows its leader: calls before that fail. Rejects when the signal is aborted. */
  whenUseful(signal: AbortSignal): Promise<void>;
  /** Resolves when the local state is at least as new as every acknowledged change (ReadIndex). @throws ServiceError NO_LEADER, … */
  read(call: ReplicaCall): Promise<void>;
}
