// What a replicated service's domain is written with: pure, so that it may be imported where I/O may not.
export { BinaryReader, DecodeError } from './binary-reader';
export { BinaryWriter, SNAPSHOT_SLICE_BYTES } from './binary-writer';
export { decodeCommandWith, NewerFormatError } from './decode-command';
export { DeadlineHeap, type Expirable } from './deadline-heap';
export { fingerprint } from './fingerprint';
export type { ApplyContext, ReturnFromBackup, StateMachine } from './state-machine';
