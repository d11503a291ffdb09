/** The limits of one backend; undefined is none. */
export interface LimitSettings {
  /** Open connections. */
  readonly connectionsMax: number | undefined;
  /** Calls that wait for one of the calls below to end. */
  readonly pendingMax: number | undefined;
  /** Calls under way. */
  readonly requestsMax: number | undefined;
  /** Of those, further attempts of calls that failed. */
  readonly retriesMax: number | undefined;
}

/** So many at once and no more. Whoever takes a place gives it back, once. */
export class Limit {
  private taken = 0;

  /** @param max from 0 */
  constructor(readonly max: number) {}

  /** Places taken. */
  get used(): number {
    return this.taken;
  }

  /** Takes a place, if there is one. */
  tryTake(): boolean {
    if (this.taken >= this.max) return false;
    this.taken += 1;
    return true;
  }

  /** @throws RangeError when nobody has taken one. */
  giveBack(): void {
    if (this.taken === 0) throw new RangeError('more places were given back than were taken');
    this.taken -= 1;
  }
}

/** The counters of {@link LimitSettings}; absent where there is no limit. */
export interface Limits {
  readonly connections: Limit | undefined;
  readonly pending: Limit | undefined;
  readonly requests: Limit | undefined;
  readonly retries: Limit | undefined;
}

/** Builds the counters of one backend. */
export function createLimits(settings: LimitSettings): Limits {
  const limit = (max: number | undefined): Limit | undefined =>
    max === undefined ? undefined : new Limit(max);
  return {
    connections: limit(settings.connectionsMax),
    pending: limit(settings.pendingMax),
    requests: limit(settings.requestsMax),
    retries: limit(settings.retriesMax),
  };
}
