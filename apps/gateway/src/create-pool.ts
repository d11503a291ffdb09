import { FrameClientEngine, type FlushScheduler } from '@raftway/http2';
import { type SetAside } from '@raftway/load-balancing';
import { type ServerTls, tlsConnector } from '@raftway/tls';
import { upstreamLimits } from './engine-limits';
import { type GatewayOptions } from './options';
import { type UpstreamObserver } from './proxy/upstream';
import { UpstreamPool } from './proxy/upstream-pool';
import { nowMs } from './timing';

/** What connections to instances share with the rest of the gateway. */
export interface PoolDependencies {
  /** Undefined for plaintext. */
  readonly tls: ServerTls | undefined;
  readonly scheduler: FlushScheduler;
  readonly setAside: SetAside;
  readonly observer: UpstreamObserver;
}

/** The connections to instances, within the limits of the options. */
export function createPool(
  options: GatewayOptions,
  { tls, scheduler, setAside, observer }: PoolDependencies,
): UpstreamPool {
  const connector = tls && tlsConnector(tls.source);
  return new UpstreamPool({
    engine: new FrameClientEngine(upstreamLimits(options), scheduler, undefined, connector),
    limits: {
      connectionsMax: options.upstreamConnectionsMax,
      waitingMax: options.upstreamWaitingMax,
      idleMs: options.upstreamIdleMs,
    },
    ...{ setAside, observer, nowMs },
  });
}
