/** Flushes between two turns of the event loop: answers, what they set free, and some more. */
const runsPerTurnMax = 8;

/**
 * A way to end a turn for {@link FlushScheduler}: when all promises that could run have run, before the event loop goes on.
 *
 * A stream without end whose peer reads fast enough would otherwise keep the loop for itself: each flush makes room, and room makes the
 * next message. So after some runs the loop gets its turn.
 */
export function afterReactions(): (run: () => void) => void {
  let runs = 0;
  const nextTurn = (): void => {
    runs = 0;
  };
  return (run) => {
    runs += 1;
    if (runs === 1) setImmediate(nextTurn);
    if (runs > runsPerTurnMax) setImmediate(run);
    else process.nextTick(run);
  };
}
