import { type Endpoint } from './endpoint';
import { type Health } from './health';

/** What is known of a list of endpoints as a whole. Counted again when the list or the health has changed, not at each pick. */
export class Survey<E extends Endpoint> {
  private endpoints: readonly E[] = [];
  private version = -1;
  /** When the first endpoint that is left out comes back. */
  private validUntilMs = 0;
  private zoneCount = 0;
  private weight = 0;
  private ownWeightSum = 0;
  private availableCount = 0;
  private availableWeightSum = 0;
  private ownAvailableWeightSum = 0;

  /** @param zone the own one */
  constructor(private readonly zone: string) {}

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
    this.zoneCount = new Set(endpoints.map(({ zone }) => zone)).size;
    this.weight = endpoints.reduce((sum, { weight }) => sum + weight, 0);
    this.ownWeightSum = endpoints.reduce(
      (sum, { weight, zone }) => (zone === this.zone ? sum + weight : sum),
      0,
    );
    this.version = -1;
  }

  /** Brings everything up to date. */
  update(nowMs: number, health: Health): void {
    if (health.version === this.version && nowMs < this.validUntilMs) return;
    this.version = health.version;
    this.validUntilMs = Infinity;
    this.availableCount = 0;
    this.availableWeightSum = 0;
    this.ownAvailableWeightSum = 0;
    for (const endpoint of this.endpoints) {
      const untilMs = health.until(endpoint.key);
      if (untilMs <= nowMs) this.countAvailable(endpoint);
      else this.validUntilMs = Math.min(this.validUntilMs, untilMs);
    }
  }

  /** Zones that have endpoints. */
  get zones(): number {
    return this.zoneCount;
  }

  /** Weight of all endpoints. */
  get totalWeight(): number {
    return this.weight;
  }

  /** Weight of those in the own zone. */
  get ownWeight(): number {
    return this.ownWeightSum;
  }

  /** Weight of those that are available. */
  get availableWeight(): number {
    return this.availableWeightSum;
  }

  /** Weight of those that are available and in the own zone. */
  get ownAvailableWeight(): number {
    return this.ownAvailableWeightSum;
  }

  /** Open calls of the whole backend. */
  get activeCalls(): number {
    return this.endpoints[0]?.load.backendActive ?? 0;
  }

  /** The share of endpoints that are available, in percent. */
  get availablePercent(): number {
    return (100 * this.availableCount) / this.endpoints.length;
  }

  private countAvailable({ weight, zone }: E): void {
    this.availableCount += 1;
    this.availableWeightSum += weight;
    if (zone === this.zone) this.ownAvailableWeightSum += weight;
  }
}
