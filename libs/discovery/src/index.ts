export type { BackoffOptions } from './backoff';
export {
  RegistryClient,
  type NewInstance,
  type RegistryCallOptions,
  type RegistryClientOptions,
  type RegistryReplica,
} from './registry-client';
export { installRegistryResolver, REGISTRY_SCHEME } from './resolver';
export {
  defaultInstanceId,
  registeredServer,
  type RegisteredServer,
  type RegisteredServerInput,
} from './registered-server';
export {
  registerSelf,
  type SelfRegistration,
  type SelfRegistrationOptions,
} from './self-registration';
export type { DepartedInstance, Instance, ServiceChange, ServiceView } from './service-view';
export {
  watchConfig,
  type ConfigChange,
  type ConfigView,
  type WatchConfigOptions,
} from './watch-config';
export { watchServices, type WatchServicesOptions } from './watch-services';
