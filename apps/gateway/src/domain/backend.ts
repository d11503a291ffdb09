import { Code } from '@raftway/errors';
import { headerValue, type HeaderPairs } from '@raftway/http2/rules';
import { type EjectionCause } from '@raftway/resilience';
import {
  BackendLoad,
  type CallVerdict,
  type Endpoint,
  type Health,
  hashText,
  isHashing,
  type LoadBalancingSettings,
} from '@raftway/load-balancing';
import { JointHealth } from './joint-health';
import { failureCodes, type Protection } from './protection';

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

/** What a backend is built from. */
export interface BackendParts {
  /** The registered service, such as `greeter`. */
  readonly service: string;
  readonly loadBalancing: BackendLoadBalancing;
  /** Undefined for none. */
  readonly protection: Protection | undefined;
  /** Instances that could not be connected to, of all backends. */
  readonly setAside: Health;
  /** An instance is left out from now on. */
  readonly onEjected: (endpoint: InstanceEndpoint, cause: EjectionCause) => void;
}

/** Codes that count as a failure in an instance's latency. One that is full, too: it would answer fastest. */
const slowCodes: ReadonlySet<number> = new Set([...failureCodes, Code.resourceExhausted]);

/**
 * What calls are sent to: the instances of one registered service, with what is known of them. It exists once, however
 * many gRPC services lead to it. It is told of every call that one of its instances is given: `onGiven`, then at most once
 * `onFirstByte`, then once `onEnded`. Times are monotonic milliseconds.
 */
export class Backend {
  readonly service: string;
  readonly loadBalancing: BackendLoadBalancing;
  readonly protection: Protection | undefined;
  readonly load: BackendLoad;
  /** Which of its instances are left out for the time being. */
  readonly health: Health;
  private readonly hashing: boolean;
  private readonly onEjected: BackendParts['onEjected'];

  constructor(parts: BackendParts) {
    const { protection, setAside } = parts;
    this.service = parts.service;
    this.loadBalancing = parts.loadBalancing;
    this.protection = protection;
    this.onEjected = parts.onEjected;
    const outliers = protection?.outliers;
    this.health = outliers === undefined ? setAside : new JointHealth(setAside, outliers);
    const { policy, peakEwma } = parts.loadBalancing;
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
    // What could not be reached is set aside, and a draining instance leaves by itself.
    if (this.protection === undefined || end === 'unreachable' || end === 'handed_back') return;
    // Who gave up says nothing, but by a deadline.
    if (end === 'abandoned' && code !== Code.deadlineExceeded) return;
    const said = end === 'lost' ? Code.unavailable : code;
    const cause = this.protection.noteEnd(endpoint.key, said, nowMs);
    if (cause !== undefined) this.onEjected(endpoint, cause);
  }

  /** Forgets instances that are gone. @param keys of those that are there. */
  retain(keys: ReadonlySet<string>, nowMs: number): void {
    this.load.retain((key) => keys.has(key));
    this.protection?.outliers?.setEndpoints(keys, nowMs);
  }
}

function verdictOf(end: CallEnd, code: number, answering: boolean): CallVerdict {
  if (end === 'abandoned') return answering ? 'answered' : 'unanswered';
  if (end === 'answered') return slowCodes.has(code) ? 'failed' : 'answered';
  return 'failed';
}
