import { formatDuration, parseDuration } from '@raftway/config';
import { durationText } from '../kinds/common';

/** A duration of a policy that is within bounds, in milliseconds. */
export const durationBetween = (minMs: number, maxMs: number, meaning: string) =>
  durationText(meaning).refine(
    (text) => {
      const milliseconds = parseDuration(text) ?? 0;
      return milliseconds >= minMs && milliseconds <= maxMs;
    },
    `must be from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`,
  );
