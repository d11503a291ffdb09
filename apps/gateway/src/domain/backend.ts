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
  type PeakEwmaOptions,
} from '@raftway/load-balancing';
import { JointHealth } from './joint-health';
import { failureCodes, type Protection, type ProtectionSettings } from './protection';

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

/** Why an instance gets no calls for the time being. */
export interface LeftOut {
  /** `set_aside`: no connection to it could be made. `ejected`: its calls fail more than those of others. `unhealthy`: its health checks fail. */
  readonly why: 'set_aside' | 'ejected' | 'unhealthy';
  readonly cause: string;
  /** Monotonic milliseconds; Infinity for until it passes its checks. */
  readonly untilMs: number;
}

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
  readonly protection: Protection | undefined;
  readonly load: BackendLoad;
  private readonly setAside: Health;
  private readonly joint: JointHealth;
  private picking: BackendLoadBalancing;
  private hashing: boolean;
  private readonly onEjected: BackendParts['onEjected'];

  constructor(parts: BackendParts) {
    const { protection, setAside } = parts;
    this.service = parts.service;
    this.picking = parts.loadBalancing;
    this.protection = protection;
    this.onEjected = parts.onEjected;
    this.setAside = setAside;
    this.joint = new JointHealth(this.healths());
    this.load = new BackendLoad(latencyOf(this.picking));
    this.hashing = isHashing(this.picking.policy);
  }

  get loadBalancing(): BackendLoadBalancing {
    return this.picking;
  }

  /** Which of its instances are left out for the time being. */
  get health(): Health {
    return this.joint;
  }

  /**
   * Goes by other settings from now on. Open calls, results, the breaker and whoever is left out stay.
   * @returns whether instances are picked otherwise, so that whoever picks has to begin with these settings.
   */
  configure(
    loadBalancing: BackendLoadBalancing,
    protection: ProtectionSettings,
    nowMs: number,
  ): boolean {
    this.protection?.configure(protection, nowMs);
    this.joint.replace(this.healths());
    if (JSON.stringify(loadBalancing) === JSON.stringify(this.picking)) return false;
    this.picking = loadBalancing;
    this.load.configure(latencyOf(loadBalancing));
    this.hashing = isHashing(loadBalancing.policy);
    return true;
  }

  /** Why an instance gets no calls now; empty when it does. */
  leftOut(key: string, nowMs: number): LeftOut[] {
    const { outliers, checks } = this.protection ?? {};
    const found: readonly LeftOut[] = [
      {
        why: 'set_aside',
        cause: 'no connection, or one that broke the protocol',
        untilMs: this.setAside.until(key),
      },
      { why: 'ejected', cause: outliers?.causeOf(key) ?? '', untilMs: outliers?.until(key) ?? 0 },
      { why: 'unhealthy', cause: checks?.causeOf(key) ?? '', untilMs: checks?.until(key) ?? 0 },
    ];
    return found.filter(({ untilMs }) => untilMs > nowMs);
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
    this.protection?.checks?.retain((key) => keys.has(key));
  }

  private healths(): Health[] {
    const { outliers, checks } = this.protection ?? {};
    return [this.setAside, outliers, checks].filter((one) => one !== undefined);
  }
}

/** Latencies are measured where somebody asks for them. */
function latencyOf({ policy, peakEwma }: BackendLoadBalancing): PeakEwmaOptions | undefined {
  return policy === 'peak_ewma' ? peakEwma : undefined;
}

function verdictOf(end: CallEnd, code: number, answering: boolean): CallVerdict {
  if (end === 'abandoned') return answering ? 'answered' : 'unanswered';
  if (end === 'answered') return slowCodes.has(code) ? 'failed' : 'answered';
  return 'failed';
}
