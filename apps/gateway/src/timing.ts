/** Monotonic milliseconds. */
export function nowMs(): number {
  return performance.now();
}

let turnMs: number | undefined;

/**
 * Monotonic milliseconds, read once in a turn of the event loop: what one call asks for a dozen times, and then costs more than what it is asked for. It is late by
 * what the turn has taken, which is a few milliseconds at the most; the connections see to that.
 */
export function turnNowMs(): number {
  if (turnMs === undefined) {
    turnMs = nowMs();
    // The check phase comes in each turn, and while it is awaited no turn waits for anything else.
    setImmediate(endTurn);
  }
  return turnMs;
}

function endTurn(): void {
  turnMs = undefined;
}
