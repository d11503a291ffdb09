import { createPicker } from './create-picker';
import { type Endpoint, type Picker, type PickRequest, type RandomSource } from './endpoint';
import { type Health } from './health';
import { isHashing, type LoadBalancingSettings } from './settings';
import { Survey } from './survey';
import { ownZoneShare } from './zones';

/**
 * The endpoints that a call may be sent to, with a policy that picks among them.
 *
 * Endpoints that are left out are skipped. When all of them are, the one whose time ends first is picked all the
 * same: refusing every call would help nobody, and a service with one instance would stay away after a restart for as
 * long as its backoff has grown. One that is left out without an end is never picked so.
 */
export class EndpointSet<E extends Endpoint> {
  private endpoints: readonly E[] = [];
  private readonly survey: Survey<E>;
  private readonly request: CurrentRequest<E>;
  private readonly hashing: boolean;
  /** Picks among those of the own zone, or among all when no zone is preferred. */
  private readonly near: Picker<E>;
  /** Picks among those of other zones; undefined when no zone is preferred. */
  private far: Picker<E> | undefined;

  constructor(
    private readonly settings: LoadBalancingSettings,
    private readonly random: RandomSource,
  ) {
    this.survey = new Survey(settings.zone);
    this.request = new CurrentRequest(settings, this.survey);
    this.hashing = isHashing(settings.policy);
    this.near = createPicker<E>(settings, random);
  }

  /** How many endpoints there are, left out or not. */
  get size(): number {
    return this.endpoints.length;
  }

  /** The endpoints, sorted by key. */
  list(): readonly E[] {
    return this.endpoints;
  }

  /**
   * Replaces the endpoints.
   * @throws RangeError when two endpoints have the same key or a weight is not a whole number from 1.
   */
  replace(endpoints: readonly E[]): void {
    const sorted = [...endpoints].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    sorted.forEach((endpoint, index) => {
      if (endpoint.key === sorted[index + 1]?.key)
        throw new RangeError(`two endpoints have the key ${endpoint.key}`);
      if (!Number.isSafeInteger(endpoint.weight) || endpoint.weight < 1)
        throw new RangeError(`the weight of ${endpoint.key} is ${endpoint.weight}, not from 1`);
    });
    this.endpoints = sorted;
    this.survey.replace(sorted);
    const { zone } = this.settings;
    const own = sorted.filter((endpoint) => endpoint.zone === zone);
    // A key has one home, wherever the caller is: hashing policies know no zones.
    const divided = zone !== '' && !this.hashing && own.length > 0 && own.length < sorted.length;
    this.near.replace(divided ? own : sorted);
    this.far = divided ? (this.far ?? createPicker(this.settings, this.random)) : undefined;
    this.far?.replace(sorted.filter((endpoint) => endpoint.zone !== zone));
  }

  /**
   * Picks an endpoint for one call at `nowMs`.
   * @param excluded keys that this call has tried already: never returned.
   * @param hash where the call's key lies among all keys, 0 to 2³² − 1, for hashing policies; without one it goes anywhere.
   */
  pick(
    nowMs: number,
    health: Health,
    excluded?: ReadonlySet<string>,
    hash?: number,
  ): E | undefined {
    this.survey.update(nowMs, health);
    this.request.begin(nowMs, health, excluded, this.hashing ? (hash ?? this.anyHash()) : 0);
    return this.pickByPolicy() ?? this.soonest(health, excluded);
  }

  private pickByPolicy(): E | undefined {
    const { far, near, request } = this;
    if (far !== undefined) {
      const share = request.ownShare();
      const isNear = share >= 1 || this.random() < share;
      return isNear
        ? (near.pick(request) ?? far.pick(request))
        : (far.pick(request) ?? near.pick(request));
    }
    const picked = near.pick(request);
    // Those with room may all have been tried.
    return picked === undefined && request.liftBound() ? near.pick(request) : picked;
  }

  private anyHash(): number {
    return Math.floor(this.random() * 2 ** 32);
  }

  private soonest(health: Health, excluded: ReadonlySet<string> | undefined): E | undefined {
    let best: E | undefined;
    let bestMs = Infinity;
    for (const endpoint of this.endpoints) {
      if (excluded?.has(endpoint.key) === true) continue;
      const untilMs = health.until(endpoint.key);
      if (untilMs < bestMs) [best, bestMs] = [endpoint, untilMs];
    }
    return best;
  }
}

/** The request of the pick in progress: one object for all, so that a pick allocates nothing. */
class CurrentRequest<E extends Endpoint> implements PickRequest<E> {
  nowMs = 0;
  hash = 0;
  private health: Health | undefined;
  private excluded: ReadonlySet<string> | undefined;
  /** Open calls that an endpoint may have per unit of its weight, this one included; undefined for any number. */
  private callsPerWeight: number | undefined;
  private readonly bound: number | undefined;

  constructor(
    private readonly settings: LoadBalancingSettings,
    private readonly survey: Survey<E>,
  ) {
    this.bound = isHashing(settings.policy) ? settings.hashBound : undefined;
  }

  begin(
    nowMs: number,
    health: Health,
    excluded: ReadonlySet<string> | undefined,
    hash: number,
  ): void {
    const { survey } = this;
    this.nowMs = nowMs;
    this.hash = hash;
    const panics = survey.availablePercent < this.settings.panicThresholdPercent;
    this.health = health.size === 0 || panics ? undefined : health;
    this.excluded = excluded;
    if (this.bound !== undefined) this.setBound(this.bound);
  }

  isAvailable(endpoint: E): boolean {
    const { health, excluded, callsPerWeight } = this;
    if (health !== undefined && health.until(endpoint.key) > this.nowMs) return false;
    if (excluded?.has(endpoint.key) === true) return false;
    return (
      callsPerWeight === undefined ||
      endpoint.load.active < Math.ceil(callsPerWeight * endpoint.weight)
    );
  }

  /** The share of calls that stays in the own zone. */
  ownShare(): number {
    const { survey } = this;
    const own = this.health === undefined ? survey.ownWeight : survey.ownAvailableWeight;
    return ownZoneShare(own, survey.totalWeight, survey.zones);
  }

  /** Picks without bound from now on. Returns whether there was one. */
  liftBound(): boolean {
    const hadBound = this.callsPerWeight !== undefined;
    this.callsPerWeight = undefined;
    return hadBound;
  }

  private setBound(bound: number): void {
    const { survey } = this;
    const weight = this.health === undefined ? survey.totalWeight : survey.availableWeight;
    this.callsPerWeight = (bound * (survey.activeCalls + 1)) / weight;
  }
}
