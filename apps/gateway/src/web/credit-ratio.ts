/**
 * Translates credit across a change of encoding: bytes that go in come out as more or fewer bytes, and what is reported of the ones is due
 * to the others in proportion, and exactly once all is reported.
 */
export class CreditRatio {
  private given = 0;
  private due = 0;

  /** Notes that so many bytes became so many others. */
  add(bytes: number, becameBytes: number): void {
    this.given += bytes;
    this.due += becameBytes;
  }

  /** Of the bytes that came out, so many are reported. @returns how many of the bytes that went in are reported with them */
  take(becameBytes: number): number {
    const reported = Math.min(becameBytes, this.due);
    const share =
      reported === this.due ? this.given : Math.floor((this.given * reported) / this.due);
    this.due -= reported;
    this.given -= share;
    return share;
  }
}
