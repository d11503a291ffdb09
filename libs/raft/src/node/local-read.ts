import type { LogIndex } from '../core';
import type { Raft } from '../core/raft';
import { RaftError } from '../errors';

/**
 * How old the local state is at most, in milliseconds of the own clock.
 *
 * @throws RaftError `tooStale` when that is more than `maxStalenessMs`, or not known; `invalidOptions` when that is no number of at least 0.
 */
export function localRead(raft: Raft, appliedIndex: LogIndex, maxStalenessMs: number): number {
  if (!(maxStalenessMs >= 0)) {
    throw new RaftError('invalidOptions', 'maxStalenessMs must be a number of at least 0');
  }
  const ageMs = Math.max(0, performance.now() - raft.freshAsOfMs(appliedIndex));
  if (ageMs <= maxStalenessMs) return ageMs;
  const age = ageMs === Infinity ? 'of an age that is not known' : `${ageMs.toFixed(0)} ms old`;
  throw new RaftError(
    'tooStale',
    `the local state is ${age}, at most ${maxStalenessMs} ms are allowed`,
    {
      ageMs,
    },
  );
}
