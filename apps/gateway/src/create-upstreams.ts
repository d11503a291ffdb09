import { FrameClientEngine, type FlushScheduler } from '@raftway/http2';
import { type SetAside } from '@raftway/load-balancing';
import { type Logger } from '@raftway/observability';
import { type ServerTls, tlsConnector } from '@raftway/tls';
import { HealthChecker, type HealthCheckerContext } from './adapters/health-checker';
import { fileLearner } from './adapters/reflection-client';
import { SchemaCatalog } from './adapters/schema-catalog';
import { upstreamLimits } from './engine-limits';
import { type GatewayOptions } from './options';
import { UpstreamPool } from './proxy/upstream-pool';
import { type UpstreamObserver } from './proxy/upstream';

/** What the way to instances is built from. */
export interface UpstreamParts {
  readonly options: GatewayOptions;
  readonly tls: ServerTls | undefined;
  readonly setAside: SetAside;
  readonly logger: Logger;
  readonly scheduler: FlushScheduler;
  readonly observer: UpstreamObserver & HealthCheckerContext['observer'];
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** Builds the connections to instances, and what asks instances for their health over them, and for their files. */
export function createUpstreams(parts: UpstreamParts): {
  readonly pool: UpstreamPool;
  readonly checker: HealthChecker;
  /** Of the files of their services. */
  readonly catalog: SchemaCatalog;
} {
  const { options, tls, setAside, logger, scheduler, observer, random, nowMs } = parts;
  const connector = tls && tlsConnector(tls.source);
  const engine = new FrameClientEngine(upstreamLimits(options), scheduler, undefined, connector);
  const limits = {
    connectionsMax: options.upstreamConnectionsMax,
    waitingMax: options.upstreamWaitingMax,
    idleMs: options.upstreamIdleMs,
  };
  const pool = new UpstreamPool({ engine, limits, setAside, observer, nowMs });
  const scheme = tls === undefined ? 'http' : 'https';
  const checker = new HealthChecker({ pool, scheme, logger, observer, random });
  return { pool, checker, catalog: new SchemaCatalog(fileLearner(engine, scheme), logger) };
}
