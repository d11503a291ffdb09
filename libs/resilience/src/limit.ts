/** So many at once and no more. Whoever takes a place gives it back, once. */
export class Limit {
  private taken = 0;

  /** @param max from 0 */
  constructor(readonly max: number) {}

  /** Places taken. */
  get used(): number {
    return this.taken;
  }

  /** Takes a place, if there is one. */
  tryTake(): boolean {
    if (this.taken >= this.max) return false;
    this.taken += 1;
    return true;
  }

  /** @throws RangeError when nobody has taken one. */
  giveBack(): void {
    if (this.taken === 0) throw new RangeError('more places were given back than were taken');
    this.taken -= 1;
  }
}

/** A limit, or undefined where there is none. */
export function limitOf(max: number | undefined): Limit | undefined {
  return max === undefined ? undefined : new Limit(max);
}
