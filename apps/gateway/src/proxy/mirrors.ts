import { type HeaderPairs } from '@raftway/http2';
import { SetAside } from '@raftway/load-balancing';
import { Limit } from '@raftway/resilience';
import { type Deadlines } from '@raftway/service-kit';
import { type InstanceEndpoint } from '../domain/backend';
import { type CallIdentity } from '../domain/call-identity';
import { type Route } from '../domain/routing-table';
import { MirrorCall, type MirrorHost } from './mirror-call';
import { type ProxyContext } from './proxy-context';
import { headersForInstance } from './request-headers';
import { type MirrorOutcome } from './traffic-observer';
import { type UpstreamPool } from './upstream-pool';

/** Says to an instance that a call is a copy. Calls that carry it are not copied again. */
export const mirroredHeader = 'x-raftway-mirrored';

/** Copies under way. */
const mirrorsMax = 4096;
/** What all copies may hold: this part of what calls may, and beside it. */
const memoryPart = 16;
const nothing = (): void => undefined;

/** A copy that is to be made. */
export interface MirrorTarget {
  /** A registered service. */
  readonly service: string;
  /** Undefined when there is no such service. */
  readonly route: Route | undefined;
}

/** The call that is copied. */
export interface MirroredCall {
  readonly headers: HeaderPairs;
  readonly requestEnded: boolean;
  readonly clientAddress: string;
  /** Undefined where no SecurityPolicy holds. */
  readonly identity?: CallIdentity | undefined;
  /** In monotonic milliseconds; undefined for never. */
  readonly deadlineMs: number | undefined;
}

/**
 * Copies of calls, of all rules. They have connections of their own, and neither places, retries nor verdicts about instances: a service that gets
 * copies and fails, hangs or is away makes no difference to any call.
 */
export class Mirrors implements MirrorHost {
  readonly deadlines: Deadlines;
  readonly nowMs: () => number;
  private readonly setAside: SetAside;
  private readonly places = new Limit(mirrorsMax);
  private readonly bytesMax: number;
  private heldBytes = 0;
  private ownPool: UpstreamPool | undefined;

  constructor(private readonly context: ProxyContext) {
    this.deadlines = context.deadlines;
    this.nowMs = context.nowMs;
    this.setAside = new SetAside(context.random);
    this.bytesMax = context.memory.bytesMax / memoryPart;
  }

  /** Begins a copy; undefined when there is none, which is counted. */
  start({ service, route }: MirrorTarget, call: MirroredCall): MirrorCall | undefined {
    const endpoint = route && this.pick(route, call);
    if (endpoint === undefined) return this.refuse(service, 'unreachable');
    if (!this.places.tryTake()) return this.refuse(service, 'full');
    const { requestEnded, deadlineMs } = call;
    const headers = (): HeaderPairs => this.headersFor(endpoint, call);
    const mirror = new MirrorCall(this, { service, headers, requestEnded, deadlineMs });
    mirror.sendTo(this.pool.get(endpoint));
    return mirror;
  }

  hold(bytes: number): boolean {
    if (bytes > 0 && this.heldBytes + bytes > this.bytesMax) return false;
    this.heldBytes += bytes;
    return true;
  }

  onEnd({ service }: MirrorCall, outcome: MirrorOutcome): void {
    this.places.giveBack();
    this.context.observer.traffic.onMirror(service, outcome);
  }

  /** Made when it is first needed. */
  private get pool(): UpstreamPool {
    return (this.ownPool ??= this.context.pool.beside({
      setAside: this.setAside,
      observer: { onConnect: nothing, onConnectFailed: nothing, onViolation: nothing },
    }));
  }

  /** As for a call, but for instances that no copy could be sent to lately. */
  private pick({ endpoints, backend }: Route, call: MirroredCall): InstanceEndpoint | undefined {
    const nowMs = this.nowMs();
    const hash = backend.hashOf(call.headers, call.clientAddress);
    const avoided = new Set<string>();
    for (;;) {
      const endpoint = endpoints.pick(nowMs, backend.health, avoided, hash);
      if (endpoint === undefined || this.setAside.until(endpoint.key) <= nowMs) return endpoint;
      avoided.add(endpoint.key);
    }
  }

  private headersFor(endpoint: InstanceEndpoint, call: MirroredCall): HeaderPairs {
    const { deadlineMs } = call;
    const forwarded = headersForInstance(call, endpoint, {
      remainingMs: deadlineMs === undefined ? undefined : deadlineMs - this.nowMs(),
      context: this.context,
    });
    return [...forwarded, mirroredHeader, 'true'];
  }

  private refuse(service: string, outcome: MirrorOutcome): undefined {
    this.context.observer.traffic.onMirror(service, outcome);
    return undefined;
  }
}
