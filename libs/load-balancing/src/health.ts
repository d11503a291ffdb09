/** Which endpoints are left out for the time being. */
export interface Health {
  /** How many endpoints may be left out; 0 when all are well, which is what a pick looks at first. */
  readonly size: number;
  /** Changes whenever the answers of `until` do, other than by time. */
  readonly version: number;
  /** The time, in the caller's milliseconds, before which the endpoint should not be picked; 0 when it may be, Infinity for not until something changes. */
  until(key: string): number;
}
