/** How long the state machine may write before the event loop gets a turn. */
const BUDGET_MS = 4;

/**
 * Pieces of a snapshot as their consumer wants them, with turns of the event loop in between: the work of making them never holds it up for longer than the budget and one piece.
 *
 * @param onStretch is told how long each stretch of work was.
 */
export async function* inSlices(
  pieces: Iterable<Uint8Array>,
  onStretch: (durationMs: number) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  let sinceMs = performance.now();
  for (const piece of pieces) {
    const beforeMs = performance.now();
    if (beforeMs - sinceMs >= BUDGET_MS) {
      onStretch(beforeMs - sinceMs);
      await new Promise((resolve) => setImmediate(resolve));
      sinceMs = performance.now();
    }
    yield piece;
  }
  onStretch(performance.now() - sinceMs);
}
