/** How much more than its even share a zone is taken to bear: with seven tenths of its endpoints it still serves all of its calls. */
const overprovisioning = 1.4;

/**
 * The share of calls that stays in the caller's own zone. It is all of them as long as the zone's available weight is at
 * least 1 / 1.4 of an even share of all the weight there is (every zone is taken to have as many callers); with less, the
 * rest spills over, so that a zone that is small, or sick, is not drowned by those next to it.
 *
 * @param ownAvailable weight of the endpoints of the own zone that are available.
 * @param total weight of all endpoints, available or not.
 * @param zones zones that have endpoints.
 */
export function ownZoneShare(ownAvailable: number, total: number, zones: number): number {
  return Math.min(1, (overprovisioning * ownAvailable * zones) / total);
}
