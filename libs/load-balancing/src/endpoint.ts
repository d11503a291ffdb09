import { type EndpointLoad } from './endpoint-load';

/** Something that calls can be sent to. */
export interface Endpoint {
  /** Identifies the endpoint among all that the caller knows; endpoints are held in the order of their keys. */
  readonly key: string;
  /** Share of calls under the policies that know weights: a whole number from 1. */
  readonly weight: number;
  /** Failure domain; '' when it is not known. */
  readonly zone: string;
  /** Its load, which outlives changes of weight and zone. */
  readonly load: EndpointLoad;
}

/** A number from 0 (included) to 1 (excluded). Passed in, so that picking stays reproducible. */
export type RandomSource = () => number;

/** What a policy is asked. */
export interface PickRequest<E extends Endpoint> {
  /** The time, in the caller's milliseconds. */
  readonly nowMs: number;
  /** Where the call's key lies among all keys, 0 to 2³² − 1. Only hashing policies look at it. */
  readonly hash: number;
  /** Whether an endpoint may be picked now. */
  isAvailable(endpoint: E): boolean;
}

/** Picks one endpoint of a list. Each policy is one implementation; none of them blocks, waits or allocates per pick. */
export interface Picker<E extends Endpoint> {
  /** Replaces the endpoints. They are sorted by key; the policy keeps its place as well as it can. */
  replace(endpoints: readonly E[]): void;
  /** The endpoint for a call, among the available ones; undefined when none is. */
  pick(request: PickRequest<E>): E | undefined;
}
