export type {
  ClientConnection,
  ClientEngine,
  ClientLimits,
  ConnectionListener,
  EngineStream,
  ServerEngine,
  ServerLimits,
  ServerListener,
  StreamListener,
  StreamReset,
} from './engine';
export { headerListTooLarge } from './engine';
export { afterReactions } from './frames/after-reactions';
export { ChunkQueue } from './frames/chunk-queue';
export { FrameClientEngine } from './frames/client-engine';
export { type Connector, type ConnectTarget } from './frames/connector';
export { FlushScheduler, type Flushable } from './frames/flush-scheduler';
export { FrameServerEngine } from './frames/server-engine';
export { jitteredAgeMs } from './jittered-age';
export * from './rules';
