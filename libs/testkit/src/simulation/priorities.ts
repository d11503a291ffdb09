import type { ServerId } from '@raftway/raft/core';
import { PRIORITY_DEFAULT } from '@raftway/raft/core';
import { seededRandom } from '../random';

/** Where leadership should live, of every server that there is. */
export interface Priorities {
  readonly of: (id: ServerId) => number;
  /** False: nobody was given one. */
  readonly differ: boolean;
}

export const equalPriorities: Priorities = { of: () => PRIORITY_DEFAULT, differ: false };

/** One run in so many has them. */
const ONE_IN = 3;
const DRAWN = [0, 1, 9, PRIORITY_DEFAULT, 100] as const;

/** Far from the seeds of the groups: a run is otherwise what it would be without priorities. */
const STREAM = 2 ** 40;

/** Draws them for some runs, by the seed, also for servers that join later. */
export function drawPriorities(seed: number, nodes: number): Priorities {
  const random = seededRandom(STREAM + seed * 16 + nodes);
  if (random.integer(1, ONE_IN) !== 1) return equalPriorities;
  const drawn = Array.from({ length: 2 * nodes + 1 }, () => random.pick(DRAWN));
  return { of: (id) => drawn[id - 1] ?? PRIORITY_DEFAULT, differ: true };
}
