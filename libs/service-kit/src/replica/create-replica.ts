import type { Replica, ReplicaSettings } from './replica-types';

/** Makes a replica; nothing happens before start(). */
export function createReplica<Result>(settings: ReplicaSettings<Result>): Replica<Result> {
  throw new Error(settings.service);
}
