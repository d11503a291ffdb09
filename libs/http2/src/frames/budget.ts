/**
 * A token bucket that is filled by a clock from outside: taking a token reads no clock, which would cost more than what the token is for.
 */
export class Budget {
  private tokens: number;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
  ) {
    this.tokens = burst;
  }

  /** Takes one. Returns false when there is none left. */
  take(): boolean {
    this.tokens -= 1;
    return this.tokens >= 0;
  }

  /** Gives some back for what the peer has a right to. */
  earn(tokens: number): void {
    this.tokens = Math.min(this.burst, this.tokens + tokens);
  }

  /** Fills it for so much time. */
  refill(seconds: number): void {
    this.earn(this.perSecond * seconds);
  }
}
