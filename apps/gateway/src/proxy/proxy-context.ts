import { type SetAside } from '@raftway/load-balancing';
import { type Logger } from '@raftway/observability';
import { type Deadlines } from '@raftway/service-kit';
import { type MemoryBudget } from './memory-budget';
import { type OpenCalls } from './open-calls';
import { type UpstreamPool } from './upstream-pool';

/** Counts what happens to calls. */
export interface CallObserver {
  /** @param code gRPC status, 0 for OK. */
  onCallEnd(grpcService: string, code: number, durationMs: number): void;
  onRetry(service: string, cause: 'connect' | 'refused'): void;
}

/** What all calls share. */
export interface ProxyContext {
  readonly pool: UpstreamPool;
  readonly setAside: SetAside;
  readonly deadlines: Deadlines;
  readonly memory: MemoryBudget;
  readonly openCalls: OpenCalls;
  readonly observer: CallObserver;
  readonly logger: Logger;
  /** A request is kept for another try up to this many bytes. */
  readonly replayBytesMax: number;
  readonly upstreamScheme: 'http' | 'https';
  readonly trustForwarded: boolean;
  /** Monotonic milliseconds, for durations. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970, for people. */
  readonly wallMs: () => number;
}
