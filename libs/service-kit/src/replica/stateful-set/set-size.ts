/** Which pods a StatefulSet is to have, as the Kubernetes API says. */
export interface SetSize {
  readonly replicas: number;
  /** `spec.ordinals.start`: the first pod's ordinal. */
  readonly firstOrdinal: number;
}

/** Whether the set is to have the pod with that ordinal. */
export function hasPod({ replicas, firstOrdinal }: SetSize, ordinal: number): boolean {
  return ordinal >= firstOrdinal && ordinal < firstOrdinal + replicas;
}

/**
 * Believes in a size once it was read for long enough, without another one or a long silence in between. Somebody who has mistyped a number, or thinks better of it, has that time; and a
 * change that is rolled out in steps is not followed at each of them.
 */
export class SteadySize {
  private current: { readonly size: SetSize; readonly sinceMs: number; lastMs: number } | undefined;

  /**
   * @param steadyMs how long a size has to stay.
   * @param silenceMaxMs between two readings; after a longer one, it begins anew.
   */
  constructor(
    private readonly steadyMs: number,
    private readonly silenceMaxMs: number,
  ) {}

  /** Takes a reading. @returns the size, if it is believed. */
  read(size: SetSize, nowMs: number): SetSize | undefined {
    const { current } = this;
    const goesOn =
      current !== undefined &&
      current.size.replicas === size.replicas &&
      current.size.firstOrdinal === size.firstOrdinal &&
      nowMs - current.lastMs <= this.silenceMaxMs;
    if (!goesOn) {
      this.current = { size, sinceMs: nowMs, lastMs: nowMs };
      return undefined;
    }
    current.lastMs = nowMs;
    return nowMs - current.sinceMs >= this.steadyMs ? size : undefined;
  }

  /** Whoever does not lead any more has no use for what it has seen. */
  forget(): void {
    this.current = undefined;
  }
}
