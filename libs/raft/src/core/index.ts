export { decodeConfiguration, encodeConfiguration } from './configuration';
export { invariant, InvariantError } from './invariants';
export * from './messages';
export type { InitialState, RaftOptions, ResolvedRaftOptions } from './options';
export { resolveRaftOptions } from './options';
export { createRaft, Raft } from './raft';
export * from './ready';
export type { StatusSnapshot } from './status';
export * from './types';
