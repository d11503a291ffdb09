export { createPicker } from './create-picker';
export { DeadlinePicker } from './deadline';
export { type Endpoint, type Picker, type PickRequest, type RandomSource } from './endpoint';
export { BackendLoad, type CallVerdict, EndpointLoad } from './endpoint-load';
export { EndpointSet } from './endpoint-set';
export { hashText } from './hash';
export { type Health } from './health';
export { LeastRequestPicker } from './least-request';
export { MaglevPicker, maglevTableSize } from './maglev';
export { PeakEwma, type PeakEwmaOptions } from './peak-ewma';
export { RandomPicker } from './random';
export { RendezvousPicker } from './rendezvous';
export { RingHashPicker } from './ring-hash';
export { RoundRobinPicker } from './round-robin';
export { defaultSetAsideOptions, SetAside, type SetAsideOptions } from './set-aside';
export {
  defaultLoadBalancing,
  isHashing,
  type LoadBalancingSettings,
  pickingPolicies,
  type PickingPolicy,
} from './settings';
export { slowStartShare } from './slow-start';
export { TwoChoicesPicker } from './two-choices';
export { ownZoneShare } from './zones';
