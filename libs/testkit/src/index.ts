export { Caller } from './chaos/calls';
export { ClientLoad, type LoadClient } from './chaos/client-load';
export { LimitedDisk, limitedDisksMissing, releaseDisks } from './chaos/disks';
export { documentRun } from './chaos/document';
export { Rpc } from './chaos/rpc';
export { RunHistory } from './chaos/run-history';
export { KeptSession, seconds } from './chaos/sessions';
export { summarize } from './chaos/summary';
export { judge, type Verdict } from './chaos/verdict';
export { EventQueue } from './event-queue';
export { FakeClock } from './fake-clock';
export { checkLinearizability, type LinearizabilityResult } from './linearizability/check';
export { type Model, type Operation } from './linearizability/history';
export {
  distinctIdsModel,
  growingIdsModel,
  type IdAllocatorInput,
  type IdAllocatorOutput,
  keyedByOverlap,
} from './linearizability/id-allocator-model';
export {
  type LockInput,
  lockModel,
  type LockOutput,
  type LockState,
} from './linearizability/lock-model';
export { type QueueInput, queueModel, type QueueOutput } from './linearizability/queue-model';
export { checkRanges } from './linearizability/ranges';
export {
  type RegisterInput,
  registerModel,
  type RegisterOutput,
} from './linearizability/register-model';
export {
  type SequenceInput,
  sequenceModel,
  type SequenceOutput,
} from './linearizability/sequence-model';
export { checkUniqueIds, type IdBatch } from './linearizability/unique';
export { seededRandom, type SeededRandom } from './random';
export { addCoverage, describeCoverage, emptyCoverage, type Coverage } from './simulation/coverage';
export {
  COVERAGE_MINIMA,
  simulate,
  SimulationFailure,
  type SimulationOptions,
} from './simulation/simulation';
