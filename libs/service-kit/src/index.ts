export { NODE_FLAGS } from './app/node-flags';
export { runApp, type App, type AppContext, type AppDefinition } from './app/run-app';
export { registrationOptionsShape } from './app/registration-options';
export { serverOptionsShape, type ServerOptionDefaults } from './app/server-options';
export { suiteVersion } from './app/suite-version';
export type {
  ClientCallOptions,
  ClientMethod,
  ClientOptions,
  RequestInput,
  ServiceClient,
} from './client/client-types';
export { createClient } from './client/create-client';
export { channelCredentials, setDefaultClientTls } from './client/tls-credentials';
export { openClientTls, openTls } from './tls/open-tls';
export type { TlsOptions } from './tls/tls-options';
export { createReplica } from './replica/create-replica';
export { ownCall } from './replica/own-call';
export { raftErrorToServiceError } from './replica/raft-errors';
export {
  replicaOptionsSchema,
  replicaOptionsShape,
  type ReplicaOptions,
} from './replica/replica-options';
export { untilKnown } from './replica/until-known';
export { RenewalBatcher, type RenewalBatcherOptions } from './replica/renewal-batcher';
export type {
  CancellableCall,
  Replica,
  ReplicaCall,
  ReplicaSettings,
} from './replica/replica-types';
export {
  serviceName,
  type MethodShape,
  type RequestOf,
  type ResponseOf,
  type ServiceShape,
} from './rpc/definition';
export type {
  CallContext,
  CallMetadata,
  Handler,
  Handlers,
  OutgoingMetadata,
  ServiceImplementation,
} from './rpc/handlers';
export { atMost } from './rpc/at-most';
export { toDuration, toMilliseconds } from './rpc/duration';
export { implementService, type ServiceTraits } from './rpc/implement-service';
export { statusTrailers } from './rpc/status-trailers';
export { pipelined } from './rpc/pipelined';
export { createServer } from './server/create-server';
export { type Deadline, Deadlines, type Expirable } from './server/deadlines';
export type {
  RaftwayServer,
  ServerComponent,
  ServerLimits,
  ServerOptions,
} from './server/server-types';
export { within } from './server/within';
