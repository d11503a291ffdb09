/** So many at once and no more. Whoever takes a place gives it back, once. */
export class Limit {
  private taken = 0;
  private most: number;

  /** @param max from 0; Infinity for no limit */
  constructor(max: number) {
    this.most = max;
  }

  /** Places that there are. */
  get max(): number {
    return this.most;
  }

  /** From now on there are so many. Whoever has one beyond that keeps it. */
  resize(max: number): void {
    this.most = max;
  }

  /** Places taken. */
  get used(): number {
    return this.taken;
  }

  /** Takes a place, if there is one. */
  tryTake(): boolean {
    if (this.taken >= this.most) return false;
    this.taken += 1;
    return true;
  }

  /** @throws RangeError when nobody has taken one. */
  giveBack(): void {
    if (this.taken === 0) throw new RangeError('more places were given back than were taken');
    this.taken -= 1;
  }
}
