import { PeakEwma, type PeakEwmaOptions } from './peak-ewma';

/** What a call says about its endpoint's latency when it ends. */
export type CallVerdict =
  /** The first byte of the answer said it all. */
  | 'answered'
  /** The endpoint failed. */
  | 'failed'
  /** The caller gave up before the first byte. */
  | 'unanswered';

/** Cost of a second call to an endpoint that has not answered a first one yet: more than any latency. */
const unprobedCost = 1e12;

/** The load of one endpoint: every call that it is given is noted with `given` and, once, with `ended`. */
export class EndpointLoad {
  private openCalls = 0;

  /** @param sinceMs when the endpoint came, from which on it starts slowly. */
  constructor(
    readonly sinceMs: number,
    private readonly backend: BackendLoad,
    private latency: PeakEwma | undefined,
  ) {}

  /** Calls that it has been given and that have not ended. */
  get active(): number {
    return this.openCalls;
  }

  /** Such calls of all endpoints of its backend. */
  get backendActive(): number {
    return this.backend.active;
  }

  /** For {@link BackendLoad}: from now on latencies are measured so; undefined for not at all. */
  measure(latency: PeakEwmaOptions | undefined): void {
    this.latency = latency && new PeakEwma(latency);
  }

  /** It was given a call. */
  given(): void {
    this.openCalls += 1;
    this.backend.add(1);
  }

  /** The first byte of a call's answer came, so long after the call was given. */
  firstByte(afterMs: number, nowMs: number): void {
    this.latency?.observe(afterMs, nowMs);
  }

  /** A call ended, so long after it was given. */
  ended(verdict: CallVerdict, afterMs: number, nowMs: number): void {
    this.openCalls -= 1;
    this.backend.add(-1);
    if (this.latency === undefined || verdict === 'answered') return;
    if (verdict === 'failed') this.latency.observeFailure(afterMs, nowMs);
    else this.latency.observeAtLeast(afterMs, nowMs);
  }

  /**
   * How long one more call would take: the latency times the calls that it would share the endpoint with. An endpoint
   * that was never measured is cheap until it has been given a call, and dear until that has been answered.
   */
  cost(nowMs: number): number {
    const { latency } = this;
    if (latency === undefined) return this.openCalls;
    if (!latency.isMeasured && this.openCalls > 0) return unprobedCost + this.openCalls;
    return latency.at(nowMs) * (this.openCalls + 1);
  }
}

/** The loads of a backend's endpoints: one for each, however many lists the endpoint is in. */
export class BackendLoad {
  private readonly loads = new Map<string, EndpointLoad>();
  private openCalls = 0;

  /** @param latency undefined when nobody asks for latencies: then none is computed. */
  constructor(private latency: PeakEwmaOptions | undefined) {}

  /** Measures latencies so from now on, or not at all. Open calls and ages stay; latencies begin anew where that is a change. */
  configure(latency: PeakEwmaOptions | undefined): void {
    if (sameOptions(latency, this.latency)) return;
    this.latency = latency;
    for (const load of this.loads.values()) load.measure(latency);
  }

  /** Open calls of all endpoints, those that have gone included. */
  get active(): number {
    return this.openCalls;
  }

  /** Endpoints that are known. */
  get size(): number {
    return this.loads.size;
  }

  /** The load of an endpoint, which comes at `nowMs` when it is new. */
  of(key: string, nowMs: number): EndpointLoad {
    let load = this.loads.get(key);
    if (load === undefined) {
      const latency = this.latency && new PeakEwma(this.latency);
      this.loads.set(key, (load = new EndpointLoad(nowMs, this, latency)));
    }
    return load;
  }

  /** Forgets the endpoints that are gone; one that comes back is new. */
  retain(isKnown: (key: string) => boolean): void {
    for (const key of this.loads.keys()) if (!isKnown(key)) this.loads.delete(key);
  }

  /** For {@link EndpointLoad}: open calls that came or went. */
  add(calls: number): void {
    this.openCalls += calls;
  }
}

function sameOptions(one: PeakEwmaOptions | undefined, two: PeakEwmaOptions | undefined): boolean {
  return one?.decayMs === two?.decayMs && one?.failurePenaltyMs === two?.failurePenaltyMs;
}
