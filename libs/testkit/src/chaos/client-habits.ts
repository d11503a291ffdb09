/** What applications do one way or another. */
export interface ClientHabits {
  /** How long the sessions of lock clients live without being renewed, in milliseconds. */
  readonly sessionTtlMs: number;
  /** Changes that carry a request id, from 0 to 1. */
  readonly requestIdShare: number;
}
