import { type UnusedField } from './strict';

/** What is true of a document, in the Gateway API's terms. */
export interface Condition {
  /**
   * Accepted: it is valid and attached. ResolvedRefs: what it refers to exists. Programmed: calls are routed by it. FieldsNotUsed: it has
   * fields that this gateway does not act on.
   */
  readonly type: 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'FieldsNotUsed';
  readonly status: boolean;
  /** One word, such as `NoMatchingParent`. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}

/** A reason for which something is not so, and what exactly. */
export interface Fault {
  readonly reason: string;
  readonly message: string;
}

/** The condition of something that is as it should be, or why it is not. */
export function condition(
  type: Condition['type'],
  faults: readonly Fault[],
  message: string,
): Condition {
  const [first] = faults;
  if (first === undefined) return { type, status: true, reason: type, message };
  const messages = faults.map((fault) => fault.message);
  return { type, status: false, reason: first.reason, message: listed(messages) };
}

/** The condition of fields that are taken and not acted on; undefined when there is none. */
export function unusedCondition(fields: readonly UnusedField[]): Condition | undefined {
  if (fields.length === 0) return undefined;
  const messages = fields.map(({ path, why }) => `${path}: ${why}`);
  return { type: 'FieldsNotUsed', status: true, reason: 'NotUsed', message: listed(messages) };
}

/** A few messages, and how many more there are. */
function listed(messages: readonly string[]): string {
  const shown = messages.slice(0, 5);
  const more = messages.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
