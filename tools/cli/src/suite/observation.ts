/** A replica's part in its group's elections. */
export type RoleName = 'leader' | 'follower' | 'candidate' | 'pre-candidate' | 'unknown';
/** What a replica is to its group, as far as it knows. */
export type StandingName = 'voter' | 'learner' | 'waiting' | 'removed' | 'unknown';

/** A member, as a replica has it in its configuration. */
export interface MemberFacts {
  readonly id: number;
  readonly peerAddress: string;
  readonly isVoter: boolean;
}

/** What a replica said of itself. */
export interface ReplicaFacts {
  readonly id: number;
  readonly clusterId: string;
  readonly role: RoleName;
  readonly standing: StandingName;
  readonly term: number;
  /** 0 when it knows none. */
  readonly leaderId: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly configurationIndex: number;
  readonly isJoint: boolean;
  readonly isDiskFull: boolean;
  readonly members: readonly MemberFacts[];
  /** Empty when it is too old to say. */
  readonly version: string;
  readonly runtime: string;
  /** Its wall clock less ours, in milliseconds; undefined when it is too old to say. */
  readonly clockOffsetMs: number | undefined;
  /** How far the offset may be wrong: half of the round trip. */
  readonly clockErrorMs: number;
}

/** One replica, as it was seen from here. */
export interface ReplicaObservation {
  /** Such as "lock-service-2"; the address where no name is known. */
  readonly name: string;
  readonly address: string;
  /** Undefined when it did not answer. */
  readonly facts: ReplicaFacts | undefined;
  /** Why it did not answer. */
  readonly unreachable: string | undefined;
  /** Its own health of the service that needs a leader; undefined when it did not say. */
  readonly isServing: boolean | undefined;
  /** Why it is not ready, in its own words. */
  readonly notReady: readonly string[];
}

/** One Raft group. */
export interface GroupObservation {
  readonly name: string;
  readonly replicas: readonly ReplicaObservation[];
}

/** The gateway, as it was seen from here. */
export interface GatewayObservation {
  readonly address: string;
  readonly unreachable: string | undefined;
  readonly isServing: boolean;
  /** Each gRPC service that it routes, and whether one of its instances is live. */
  readonly services: readonly { readonly name: string; readonly isServing: boolean }[];
}

/** A suite at one moment: all that is judged, and nothing judged yet. */
export interface SuiteObservation {
  readonly groups: readonly GroupObservation[];
  /** Undefined when nobody named one. */
  readonly gateway: GatewayObservation | undefined;
}
