import { type GatewayOptions } from './options';

/** Of each answer that nobody has taken yet: as many as a client may have calls then fit into half of its connection's memory (ADR 036). */
const upstreamWindowStartBytes = 16_384;

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
    connectionAgeMaxMs: options.connectionAgeMaxMs || undefined,
    connectionAgeGraceMs: options.connectionAgeGraceMs,
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
    streamWindowStartBytes: upstreamWindowStartBytes,
    connectionMemoryBytesMax: options.connectionMemoryBytesMax,
    keepaliveMs: options.upstreamKeepaliveMs,
    keepaliveTimeoutMs: options.keepaliveTimeoutMs,
  };
}

/** Limits of the connections to one instance. */
export function poolLimits(options: GatewayOptions) {
  return {
    connectionsMax: options.upstreamConnectionsMax,
    waitingMax: options.upstreamWaitingMax,
    idleMs: options.upstreamIdleMs,
  };
}
