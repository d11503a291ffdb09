import type { StateMachine } from '@raftway/raft';

/** A state machine with nothing in it: for specs of what happens to members. */
export const NOTHING: StateMachine<number> = {
  apply: () => 0,
  expire: () => undefined,
  nextDeadlineMs: () => undefined,
  snapshot: () => new Uint8Array(1),
  restore: () => undefined,
  encodeResult: () => new Uint8Array(0),
  decodeResult: () => 0,
};
