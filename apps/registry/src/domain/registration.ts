import type { registry } from '@raftway/contracts';
import type { Expirable } from '@raftway/raft/state-machine';

/** A registered instance's right to be listed, until its deadline. */
export interface Lease extends Expirable {
  readonly id: string;
  /** The log index of the registration; orders leases with the same deadline. */
  readonly order: number;
  readonly service: string;
  readonly instanceId: string;
  readonly ttlMs: number;
  deadlineMs: number;
  heapIndex: number;
}

/** One instance and its lease. */
export interface Registration {
  /** Never mutated: watchers and the history share it. */
  instance: registry.Instance;
  lease: Lease;
  /** The revision at which it was first registered; kept when it registers again while it is known. */
  readonly firstRevision: number;
  /** What it counts against the limit on bytes. */
  sizeBytes: number;
}

/** The instances of one service. Never empty. */
export interface ServiceRecord {
  readonly name: string;
  /** The revision at which it first had an instance; it wins a gRPC service name against services with a larger one. */
  readonly firstRevision: number;
  /** By instance id, in the order of registration. */
  readonly registrations: Map<string, Registration>;
}
