import { type CountedLimit } from '../domain/limits/limit-settings';
import { type LimitStates } from '../domain/limits/limit-states';

/** One limit that a call counts against. */
export interface LimitCharge {
  readonly limit: CountedLimit;
  /** Undefined for those that share one count. */
  readonly key: string | undefined;
  readonly cost: number;
}

/** What the gateways together say to a call: it is let through, one of its limits refuses it, or nothing can be known now. */
export type SharedVerdict =
  | 'allowed'
  | {
      /** Place of the limit that refuses it, of several the one with the longest wait. */
      readonly index: number;
      readonly remaining: number;
      readonly retryAfterMs: number;
    }
  | undefined;

/** Counts that several gateways have together. */
export interface SharedLimits {
  /** Counts a call against all of these, or against none. Says so once, now or within its own short time. */
  take(charges: readonly LimitCharge[], done: (verdict: SharedVerdict) => void): void;
}

/** Counts what limits do. */
export interface LimitObserver {
  /** A limit let a call through, or refused it. */
  onCounted(limit: CountedLimit, isAllowed: boolean): void;
  /** The concurrency limit of a target let a call through, at once or after a wait, or refused it. */
  onConcurrency(target: string, outcome: 'allowed' | 'waited' | 'full' | 'timeout'): void;
  /** A call with shared limits was counted by this gateway alone. */
  onCountedAlone(): void;
}

/** What limits of all calls share. */
export interface LimitContext {
  readonly states: LimitStates;
  /** Undefined when this gateway shares its counts with none. */
  readonly shared: SharedLimits | undefined;
  readonly observer: LimitObserver;
  /** A short text in the place of a long one, such that no two are found with the same. */
  readonly digest: (text: string) => string;
}
