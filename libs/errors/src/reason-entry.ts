import { type Code } from './code';

/** One reason: the code that it comes with, what happened, and what a caller does about it. */
export interface ReasonEntry {
  /** Undefined when several codes come with it. */
  readonly code: Code | undefined;
  readonly meaning: string;
  readonly remedy: string;
}
