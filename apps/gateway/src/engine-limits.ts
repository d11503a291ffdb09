import { type GatewayOptions } from './options';

/** Limits of clients' connections. */
export function serverLimits(options: GatewayOptions) {
  return {
    connectionStreamsMax: options.connectionStreamsMax,
    headerListBytesMax: options.headerBytesMax,
    headerCountMax: options.headersMax,
    streamBufferBytesMax: options.streamBufferBytesMax,
    connectionMemoryBytesMax: options.connectionMemoryBytesMax,
    streamResetBurst: options.streamResetBurst,
    streamResetsPerSecond: options.streamResetsPerSecond,
    connectionIdleMs: options.connectionIdleMs,
    keepaliveMs: options.connectionKeepaliveMs,
    keepaliveTimeoutMs: options.keepaliveTimeoutMs,
  };
}

/** Limits of connections to instances. */
export function upstreamLimits(options: GatewayOptions) {
  return {
    connectTimeoutMs: options.connectTimeoutMs,
    connectionStreamsMax: options.upstreamStreamsMax,
    headerListBytesMax: options.headerBytesMax,
    headerCountMax: options.headersMax,
    streamBufferBytesMax: options.streamBufferBytesMax,
    connectionMemoryBytesMax: options.connectionMemoryBytesMax,
    keepaliveMs: options.upstreamKeepaliveMs,
    keepaliveTimeoutMs: options.keepaliveTimeoutMs,
  };
}
