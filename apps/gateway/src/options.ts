import {
  boolean,
  durationMs,
  hostPort,
  hostPortList,
  integer,
  oneOf,
  originList,
  text,
} from '@raftway/config';
import { defaultLoadBalancing, pickingPolicies } from '@raftway/load-balancing';
import { serverOptionsShape } from '@raftway/service-kit';
import { z } from 'zod';
import { type BackendLoadBalancing } from './domain/backend';
import { isDocumentSource } from './document-source';
import { protectionShape } from './protection-options';

const { advertise: _advertise, ...serverShape } = serverOptionsShape({
  bind: '127.0.0.1:8080',
  // Its callers come from outside.
  tlsClientAuth: 'none',
});

/** The gateway's options: environment variables and keys of the file. */
export const gatewayOptionsSchema = z.object({
  ...serverShape,
  adminBind: hostPort()
    .default('127.0.0.1:8081')
    .describe(
      'Where the admin server listens: GatewayAdminService, health and reflection of the process itself.',
    ),
  registry: hostPortList().default(['127.0.0.1:50061']).describe('Seed addresses of the registry.'),
  loadBalancing: oneOf(pickingPolicies)
    .default('round_robin')
    .describe('How an instance is picked for a call.'),
  hashHeader: text({ lengthMax: 64 })
    .refine((name) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name), {
      message: 'must be a header name in lower case, such as x-session-id',
    })
    .optional()
    .describe(
      'Header that ring_hash, maglev and rendezvous go by, in place of the client’s address.',
    ),
  hashBoundPercent: integer({ min: 100, max: 1000 })
    .optional()
    .describe('Most open calls of an instance under those, in percent of its fair share.'),
  zone: text({ lengthMax: 64 })
    .optional()
    .describe('This gateway’s zone, whose instances come first under all other policies.'),
  slowStartMs: durationMs({ maxMs: 3_600_000 })
    .default(0)
    .describe('How long a new instance gets fewer calls, under all other policies; 0ms for never.'),
  panicThresholdPercent: integer({ min: 0, max: 100 })
    .default(0)
    .describe(
      'With fewer instances than this not set aside, in percent, all get calls; 0 for never.',
    ),
  documents: text({ lengthMax: 1024 })
    .refine(isDocumentSource, {
      message: 'must be a path, or registry:///name for the entries name/… of the registry’s store',
    })
    .optional()
    .describe(
      'File or directory of .yaml, .yml and .json documents that say where calls go, or registry:///name; it is followed. Without it the admin API may give them.',
    ),
  ...protectionShape,
  timeoutMaxMs: durationMs({ minMs: 0, maxMs: 24 * 3_600_000 })
    .default(0)
    .describe('The longest time a call may take, streams included; 0ms for no limit.'),
  connectTimeoutMs: durationMs({ minMs: 10, maxMs: 60_000 })
    .default(2000)
    .describe('How long a connection to an instance may take, until its SETTINGS.'),
  upstreamConnectionsMax: integer({ min: 1, max: 64 })
    .default(4)
    .describe('Connections to one instance.'),
  upstreamStreamsMax: integer({ min: 1, max: 100_000 })
    .default(1000)
    .describe('Streams on one connection to an instance, if it allows as many.'),
  upstreamWaitingMax: integer({ min: 1, max: 1_000_000 })
    .default(4096)
    .describe('Calls that may wait for a connection to one instance.'),
  upstreamIdleMs: durationMs({ minMs: 1000 })
    .default(300_000)
    .describe('A connection to an instance without calls for this long is closed.'),
  upstreamKeepaliveMs: durationMs({ minMs: 1000 })
    .default(300_000)
    .describe('A connection to an instance with calls that is silent for this long is pinged.'),
  connectionsMax: integer({ min: 1, max: 1_000_000 })
    .default(10_000)
    .describe('Connections of clients.'),
  connectionStreamsMax: integer({ min: 1, max: 100_000 })
    .default(1000)
    .describe('Open calls on one client connection.'),
  connectionIdleMs: durationMs({ minMs: 1000 })
    .default(3_600_000)
    .describe(
      'A client connection without calls for this long is closed. Quiet calls are never cut.',
    ),
  http1IdleMs: durationMs({ minMs: 1000 })
    .default(60_000)
    .describe('A client connection of HTTP/1.1 without a request for this long is closed.'),
  http1BodyTimeoutMs: durationMs({ minMs: 100 })
    .default(30_000)
    .describe(
      'An HTTP/1.1 client that owes more of a body and sends nothing for this long is cut off.',
    ),
  httpMessageBytesMax: integer({ min: 1024, max: 1_073_741_824 })
    .default(4_194_304)
    .describe(
      'Largest message that has to be held whole: of unary calls of the Connect protocol, or of JSON.',
    ),
  jsonTranscoding: boolean()
    .default(true)
    .describe(
      'Whether HTTP and JSON reach the registered services, as their google.api.http rules say.',
    ),
  jsonUnknownFields: oneOf(['reject', 'ignore'])
    .default('reject')
    .describe(
      'What becomes of JSON fields and query parameters that the request message does not have.',
    ),
  jsonEmitDefaults: boolean()
    .default(false)
    .describe('Whether JSON answers have fields with their default values, too.'),
  corsOrigins: originList()
    .default([])
    .describe('Origins whose pages may call from browsers (CORS), or `*` for all.'),
  corsCredentials: boolean()
    .default(false)
    .describe('Whether pages of the origins that are named may send cookies.'),
  corsMaxAgeMs: durationMs({ minMs: 0, maxMs: 24 * 3_600_000 })
    .default(7_200_000)
    .describe('How long browsers may remember that such pages may call.'),
  connectionKeepaliveMs: durationMs({ minMs: 1000 })
    .default(60_000)
    .describe('A client connection with calls that is silent for this long is pinged.'),
  keepaliveTimeoutMs: durationMs({ minMs: 100 })
    .default(20_000)
    .describe('How long the answer to such a ping may take.'),
  prefaceTimeoutMs: durationMs({ minMs: 10 })
    .default(10_000)
    .describe(
      'How long a new connection may take to show its protocol, or an HTTP/1.1 request its headers.',
    ),
  // 64 KiB of metadata, and what HTTP/2 counts beside it: 32 bytes a field (RFC 9113 §6.5.2), and the fields of the call itself.
  headerBytesMax: integer({ min: 1024, max: 1_048_576 })
    .default(81_920)
    .describe('Size of a header list, decoded.'),
  headersMax: integer({ min: 16, max: 4096 }).default(256).describe('Headers of one list.'),
  streamBufferBytesMax: integer({ min: 16_384, max: 16_777_216 })
    .default(262_144)
    .describe('Bytes of one call held in one direction; also the HTTP/2 window of a stream.'),
  memoryBytesMax: integer({ min: 1_048_576, max: 1_099_511_627_776 })
    .default(268_435_456)
    .describe('Bytes of all calls held; above it new calls get RESOURCE_EXHAUSTED.'),
  connectionMemoryBytesMax: integer({ min: 1_000_000, max: 1_000_000_000 })
    .default(64_000_000)
    .describe('Memory of one HTTP/2 connection.'),
  retryBufferBytesMax: integer({ min: 0, max: 1_048_576 })
    .default(65_536)
    .describe('A request is kept up to this size, in case it is to be sent again.'),
  streamResetBurst: integer({ min: 1, max: 1_000_000 })
    .default(1000)
    .describe('Calls that a client connection may reset at once.'),
  streamResetsPerSecond: integer({ min: 1, max: 1_000_000 })
    .default(200)
    .describe('Calls that a client connection may reset per second after that.'),
  trustForwarded: boolean()
    .default(false)
    .describe(
      'Whether x-forwarded-* headers of clients are kept: only behind a proxy that sets them.',
    ),
});

/** The gateway's options, validated. */
export type GatewayOptions = z.output<typeof gatewayOptionsSchema>;

/** How the instances of every backend are picked. */
export function loadBalancingOf(options: GatewayOptions): BackendLoadBalancing {
  const { hashBoundPercent, hashHeader, zone = '' } = options;
  return {
    ...defaultLoadBalancing,
    policy: options.loadBalancing,
    hashHeader,
    hashBound: hashBoundPercent && hashBoundPercent / 100,
    zone,
    slowStartMs: options.slowStartMs,
    panicThresholdPercent: options.panicThresholdPercent,
  };
}

/** The defaults, for specs and embedding. */
export function defaultGatewayOptions(): GatewayOptions {
  return gatewayOptionsSchema.parse({});
}
