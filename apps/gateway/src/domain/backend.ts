import { Code } from '@raftway/errors';
import { headerValue, type HeaderPairs } from '@raftway/http2/rules';
import {
  BackendLoad,
  type CallVerdict,
  type Endpoint,
  hashText,
  isHashing,
  type LoadBalancingSettings,
} from '@raftway/load-balancing';

/** How the instances of one backend are picked. */
export interface BackendLoadBalancing extends LoadBalancingSettings {
  /** Header whose value keeps calls together under a hashing policy, in lower case; undefined for the client's address. */
  readonly hashHeader: string | undefined;
}

/** A live instance, as calls are sent to it. */
export interface InstanceEndpoint extends Endpoint {
  readonly backend: Backend;
  /** The registered service: its backend's. */
  readonly service: string;
  readonly instanceId: string;
  readonly address: string;
}

/**
 * How a call ended for the instance that it was given to.
 * - `answered`: the instance said how, with a status or a reset of the stream.
 * - `unreachable`: there was no connection; nothing was sent.
 * - `handed_back`: the instance gave it back as not looked at.
 * - `lost`: the connection broke.
 * - `abandoned`: the client or the gateway gave up, or took no notice of the rest.
 */
export type CallEnd = 'answered' | 'unreachable' | 'handed_back' | 'lost' | 'abandoned';

/** Codes by which an instance says that it, and not the request, is the trouble. */
const failures: ReadonlySet<number> = new Set([
  Code.unknown,
  Code.resourceExhausted,
  Code.internal,
  Code.unavailable,
  Code.dataLoss,
]);

/**
 * What calls are sent to: the instances of one registered service, with what is known of them. It exists once, however
 * many gRPC services lead to it. It is told of every call that one of its instances is given: `onGiven`, then at most once
 * `onFirstByte`, then once `onEnded`. Times are monotonic milliseconds.
 */
export class Backend {
  readonly load: BackendLoad;
  private readonly hashing: boolean;

  constructor(
    /** The registered service, such as `greeter`. */
    readonly service: string,
    readonly loadBalancing: BackendLoadBalancing,
  ) {
    const { policy, peakEwma } = loadBalancing;
    this.load = new BackendLoad(policy === 'peak_ewma' ? peakEwma : undefined);
    this.hashing = isHashing(policy);
  }

  /** Where a call's key lies among all keys; undefined when the call has none, or nobody asks. */
  hashOf(headers: HeaderPairs, clientAddress: string): number | undefined {
    if (!this.hashing) return undefined;
    const { hashHeader } = this.loadBalancing;
    const key = hashHeader === undefined ? clientAddress : headerValue(headers, hashHeader);
    return key === undefined || key === '' ? undefined : hashText(key);
  }

  /** A call is on its way to an instance, or waits for a connection to it. */
  onGiven(endpoint: InstanceEndpoint): void {
    endpoint.load.given();
  }

  /** The instance began to answer, so long after it was given the call. */
  onFirstByte(endpoint: InstanceEndpoint, afterMs: number, nowMs: number): void {
    endpoint.load.firstByte(afterMs, nowMs);
  }

  /**
   * The instance has done with the call, so long after it was given it.
   * @param code gRPC status, 0 for OK.
   * @param answering whether its first byte had come.
   */
  onEnded(
    endpoint: InstanceEndpoint,
    end: CallEnd,
    code: number,
    answering: boolean,
    afterMs: number,
    nowMs: number,
  ): void {
    endpoint.load.ended(verdictOf(end, code, answering), afterMs, nowMs);
  }
}

function verdictOf(end: CallEnd, code: number, answering: boolean): CallVerdict {
  if (end === 'abandoned') return answering ? 'answered' : 'unanswered';
  if (end === 'answered') return failures.has(code) ? 'failed' : 'answered';
  return 'failed';
}
