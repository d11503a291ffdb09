/** Something that calls can be sent to. */
export interface Endpoint {
  /** Identifies the endpoint among all that the caller knows; endpoints are held in the order of their keys. */
  readonly key: string;
  /** Share of picks under the weighted policy: a whole number from 1. */
  readonly weight: number;
}

/** A number from 0 (included) to 1 (excluded). Passed in, so that picking stays reproducible. */
export type RandomSource = () => number;

/** Whether an endpoint may be picked now. */
export type Availability<E extends Endpoint> = (endpoint: E) => boolean;

/** Picks one endpoint of a list. Each policy is one implementation; none of them blocks, waits or allocates per pick. */
export interface Picker<E extends Endpoint> {
  /** Replaces the endpoints. They are sorted by key; the policy keeps its place as well as it can. */
  replace(endpoints: readonly E[]): void;
  /** The next endpoint among the available ones; undefined when none is. */
  pick(isAvailable: Availability<E>): E | undefined;
}
