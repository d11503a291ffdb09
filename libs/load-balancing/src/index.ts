export { type Availability, type Endpoint, type Picker, type RandomSource } from './endpoint';
export { createPicker, EndpointSet, pickingPolicies, type PickingPolicy } from './endpoint-set';
export { RandomPicker } from './random';
export { RoundRobinPicker } from './round-robin';
export { defaultSetAsideOptions, SetAside, type SetAsideOptions } from './set-aside';
export { WeightedPicker } from './weighted';
