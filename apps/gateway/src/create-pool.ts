import { FrameClientEngine, type FlushScheduler } from '@raftway/http2';
import { type SetAside } from '@raftway/load-balancing';
import { type ServerTls, tlsConnector } from '@raftway/tls';
import { upstreamLimits } from './engine-limits';
import { type GatewayOptions } from './options';
import { type UpstreamObserver } from './proxy/upstream';
import { UpstreamPool } from './proxy/upstream-pool';
import { nowMs } from './timing';

/** What the connections to instances share with the rest. */
export interface PoolParts {
  readonly scheduler: FlushScheduler;
  readonly setAside: SetAside;
  readonly observer: UpstreamObserver;
}

/** The connections to instances, none yet. */
export function createPool(
  options: GatewayOptions,
  tls: ServerTls | undefined,
  { scheduler, setAside, observer }: PoolParts,
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
