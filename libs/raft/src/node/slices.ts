/**
 * Pieces of a snapshot as their consumer wants them, with turns of the event loop in between: the work of making them never holds it up for longer than the budget and one piece.
 *
 * @param onStretch is told how long each stretch of work was.
 */
export async function* inSlices(
  pieces: Iterable<Uint8Array>,
  budgetMs: number,
  onStretch: (durationMs: number) => void,
): AsyncGenerator<Uint8Array> {
  let sinceMs = performance.now();
  for (const piece of pieces) {
    const beforeMs = performance.now();
    if (beforeMs - sinceMs >= budgetMs) {
      onStretch(beforeMs - sinceMs);
      await new Promise((resolve) => setImmediate(resolve));
      sinceMs = performance.now();
    }
    yield piece;
  }
  onStretch(performance.now() - sinceMs);
}
