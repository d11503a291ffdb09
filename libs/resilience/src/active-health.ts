/** How many checks in a row change what is thought of an endpoint. */
export interface ActiveHealthSettings {
  /** Failed ones after which it is left out, from 1. */
  readonly unhealthyThreshold: number;
  /** Passed ones after which it is back, from 1. */
  readonly healthyThreshold: number;
}

/** What a check changed. */
export type HealthChange = 'left_out' | 'back';

interface Checked {
  isLeftOut: boolean;
  /** Checks in a row that said the opposite of `isLeftOut`. */
  contrary: number;
  /** Of the last check that failed. */
  cause: string;
}

/**
 * Leaves out endpoints whose health checks fail, until they pass again: without a time at which they would come back by themselves. An endpoint
 * of which nothing is known is well, as whoever listed it said that it works. When and how checks are made is not known here.
 */
export class ActiveHealth {
  private readonly endpoints = new Map<string, Checked>();
  private leftOut = 0;
  private changes = 0;

  constructor(private settings: ActiveHealthSettings) {}

  /** Goes by other thresholds from the next check on. */
  configure(settings: ActiveHealthSettings): void {
    this.settings = settings;
  }

  /** Endpoints that are left out. */
  get size(): number {
    return this.leftOut;
  }

  /** Changes whenever somebody is left out or comes back. */
  get version(): number {
    return this.changes;
  }

  /** Infinity for an endpoint that is left out, and otherwise 0. */
  until(key: string): number {
    return this.leftOut > 0 && this.endpoints.get(key)?.isLeftOut === true ? Infinity : 0;
  }

  /** Why an endpoint is left out; undefined when it is not. */
  causeOf(key: string): string | undefined {
    const checked = this.endpoints.get(key);
    return checked?.isLeftOut === true ? checked.cause : undefined;
  }

  /**
   * Notes how a check ended.
   * @param failure what was wrong; undefined when it passed.
   * @returns what that changes; undefined for nothing.
   */
  note(key: string, failure: string | undefined): HealthChange | undefined {
    let checked = this.endpoints.get(key);
    if (checked === undefined)
      this.endpoints.set(key, (checked = { isLeftOut: false, contrary: 0, cause: '' }));
    if (failure !== undefined) checked.cause = failure;
    const isContrary = checked.isLeftOut === (failure === undefined);
    checked.contrary = isContrary ? checked.contrary + 1 : 0;
    const { healthyThreshold, unhealthyThreshold } = this.settings;
    const threshold = checked.isLeftOut ? healthyThreshold : unhealthyThreshold;
    if (!isContrary || checked.contrary < threshold) return undefined;
    checked.isLeftOut = !checked.isLeftOut;
    checked.contrary = 0;
    this.leftOut += checked.isLeftOut ? 1 : -1;
    this.changes += 1;
    return checked.isLeftOut ? 'left_out' : 'back';
  }

  /** Forgets every endpoint that is not known any more; one that comes back is well. */
  retain(isKnown: (key: string) => boolean): void {
    for (const [key, { isLeftOut }] of this.endpoints) {
      if (isKnown(key)) continue;
      this.endpoints.delete(key);
      if (!isLeftOut) continue;
      this.leftOut -= 1;
      this.changes += 1;
    }
  }
}
