/**
 * What one registry group holds of configuration at most. Every replica must use the same numbers, because they decide what a command does: they change
 * only with the format version of commands.
 */
export const CONFIG_LIMITS: ConfigLimits = {
  configEntriesMax: 10_000,
  configBytesMax: 16 * 1024 * 1024,
  removalsMax: 10_000,
};

/** See {@link CONFIG_LIMITS}. */
export interface ConfigLimits {
  readonly configEntriesMax: number;
  /** Bytes of all keys and texts. */
  readonly configBytesMax: number;
  /** Removed keys that a watcher may resume over. */
  readonly removalsMax: number;
}
