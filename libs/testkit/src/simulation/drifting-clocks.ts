import type { Leases } from './world';

/** How far clocks differ in these runs: as far as the servers allow for. */
export const CLOCK_DRIFT_MAX = 0.2;

/** Lease reads, with one slow clock in three: another server's in each run, since the slowest has to lead to matter. */
export function driftingClocks(seed: number, rates = [1, 1, 1 - CLOCK_DRIFT_MAX]): Leases {
  return {
    clockDriftMax: CLOCK_DRIFT_MAX,
    clockRate: (id) => rates[(id + seed) % rates.length] as number,
  };
}
