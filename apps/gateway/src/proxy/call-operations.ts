import { type CallRecord } from './call-record';
import { type RuleName } from './proxy-context';

/** What operators see of a call, and how long it may stand still. */
export interface CallOperations {
  /** The rule of a document that took it; undefined when what is registered decided. */
  readonly rule?: RuleName | undefined;
  /** How long it may be without a byte, either way, in milliseconds; undefined for ever. */
  readonly idleMs?: number | undefined;
  /** What is noted for the access log; undefined when nothing is. */
  readonly record?: CallRecord | undefined;
}
