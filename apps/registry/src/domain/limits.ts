/**
 * What one registry group holds at most. Every replica must use the same numbers, because they decide what a command does: they change
 * only with the format version of commands.
 */
export const STATE_LIMITS: StateLimits = {
  instancesMax: 50_000,
  instanceBytesMax: 64 * 1024 * 1024,
  historyChangesMax: 10_000,
  historyBytesMax: 16 * 1024 * 1024,
};

/** See {@link STATE_LIMITS}. */
export interface StateLimits {
  /** Registered instances in all. */
  readonly instancesMax: number;
  /** Encoded bytes of all registered instances. */
  readonly instanceBytesMax: number;
  /** Changes of single instances that a watcher may resume over. */
  readonly historyChangesMax: number;
  /** Encoded bytes of those changes. */
  readonly historyBytesMax: number;
}
