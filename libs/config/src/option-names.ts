/** In front of every variable of the suite. */
export const PREFIX = 'RAFTWAY_';

/** An option's key in the file: its name without the unit, as durations carry their unit in the value (`drainDelayMs` → `drainDelay`). */
export function fileKey(option: string): string {
  return option.replace(/Ms$/, '');
}

/** An option's environment variable: `drainDelayMs` → `RAFTWAY_DRAIN_DELAY`. */
export function variableName(option: string): string {
  return PREFIX + fileKey(option).replace(/[A-Z]/g, '_$&').toUpperCase();
}
