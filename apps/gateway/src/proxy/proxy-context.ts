import { type Logger } from '@raftway/observability';
import { type Deadlines } from '@raftway/service-kit';
import { type LimitContext } from './limit-context';
import { type MemoryBudget } from './memory-budget';
import { type OpenCalls } from './open-calls';
import { type TrafficObserver } from './traffic-observer';
import { type UpstreamPool } from './upstream-pool';

/** Why a backend does not get a call: its breaker, its calls under way, its queue for them, or the time in that. */
export type RefusalCause = 'circuit' | 'requests' | 'pending' | 'pending_timeout';

/** The rule of a document that took a call. */
export interface RuleName {
  /** `kind namespace/name`. */
  readonly document: string;
  readonly name: string;
}

/** Counts what happens to calls. */
export interface CallObserver {
  /** @param code gRPC status, 0 for OK. */
  onCallEnd(grpcService: string, code: number, durationMs: number): void;
  /** A call that the rule of a document took. @param backend the registered service; empty when it has none */
  onRuleCallEnd(rule: RuleName, backend: string, code: number, durationMs: number): void;
  /** @param cause no connection; given back as not looked at; a code; no answer in an attempt's time. */
  onRetry(service: string, cause: 'connect' | 'refused' | 'code' | 'timeout'): void;
  /** A call might have been made again, and the budget or the limit of retries did not allow it. */
  onRetryRefused(service: string, cause: 'budget' | 'limit'): void;
  /** A call was sent to a second instance, beside the first. */
  onHedge(service: string): void;
  /** … and that one answered first. */
  onHedgeWon(service: string): void;
  /** A call was not sent because its backend has enough. */
  onRefused(service: string, cause: RefusalCause): void;
  readonly traffic: TrafficObserver;
}

/** What all calls share. */
export interface ProxyContext {
  readonly pool: UpstreamPool;
  readonly deadlines: Deadlines;
  readonly memory: MemoryBudget;
  readonly openCalls: OpenCalls;
  readonly limits: LimitContext;
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
  /** A number from 0 to 1. */
  readonly random: () => number;
}
