// What a replicated service's domain is written with: pure, so that it may be imported where I/O may not.
export { BinaryReader, DecodeError } from './binary-reader';
export { BinaryWriter } from './binary-writer';
export { DeadlineHeap, type Expirable } from './deadline-heap';
export type { ApplyContext, StateMachine } from './state-machine';
